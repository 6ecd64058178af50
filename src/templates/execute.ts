/**
 * The interpreter of parsed templates: twing's, with our own handling of everything that reads data or prints it, and a
 * look at the budget at every node. Only nodes that `policy.ts` allows get here.
 */
import { executeNodeSynchronously, isAMarkup } from 'twing';
import type { TwingBaseNode, TwingSynchronousExecutionContext } from 'twing';
import { PRINTED_COLLECTION, isCollection, isMissing, lookUp } from './values.ts';
import type { GuardedContext } from './filters.ts';

/** Executes a node. Its context must be a {@link GuardedContext}. */
export function execute(node: TwingBaseNode, executionContext: TwingSynchronousExecutionContext): unknown {
  const context = executionContext as GuardedContext;
  const { budget } = context;
  budget.takeStep(node.line);
  switch (node.type as string | null) {
    case null:
      return Object.values(node.children).map((child) => execute(child, context));
    case 'constant':
      return (node.attributes as { value: unknown }).value;
    case 'name':
      return readName(node, context);
    case 'attribute_accessor':
      return readAttribute(node, context);
    case 'text':
    case 'verbatim':
      return print((node.attributes as { data: string }).data, context);
    case 'print':
      return print(execute(node.children.expression!, context), context);
    case 'check_to_string':
      return execute(node.children.value!, context);
    case 'escape':
      return escape(node, context);
    case 'range':
      return makeRange(node, context);
    case 'for_loop':
      budget.takeTurn();
      return executeNodeSynchronously(node, context);
    case 'array':
    case 'concatenate':
    case 'filter':
    case 'function':
    case 'hash': {
      const value: unknown = executeNodeSynchronously(node, context);
      budget.weigh(value);
      return value ?? null;
    }
    default:
      return executeNodeSynchronously(node, context);
  }
}

function readName(node: TwingBaseNode, context: GuardedContext): unknown {
  const { name, shouldTestExistence } = node.attributes as { name: string; shouldTestExistence: boolean };
  const value: unknown = context.context.get(name);
  return shouldTestExistence ? value !== undefined : (value ?? null);
}

function readAttribute(node: TwingBaseNode, context: GuardedContext): unknown {
  const target = execute(node.children.target!, context);
  const value = lookUp(target, execute(node.children.attribute!, context));
  const { shouldTestExistence } = node.attributes as { shouldTestExistence: boolean };
  return shouldTestExistence ? value !== undefined : (value ?? null);
}

function print(value: unknown, context: GuardedContext): void {
  context.outputBuffer.echo(isCollection(value) ? PRINTED_COLLECTION : value);
}

/** The strategies that compile chose, applied to whatever is printed and not marked as safe. */
function escape(node: TwingBaseNode, context: GuardedContext): unknown {
  const value = execute(node.children.body!, context);
  if (isMissing(value)) return '';
  if (typeof value === 'boolean' || isAMarkup(value)) return value;
  const { strategy } = node.attributes as { strategy: string };
  const handler = context.environment.escapingStrategyHandlers[strategy];
  if (!handler) throw new Error(`there is no escaping "${strategy}"; use html, html_attr, js, css or url`);
  return handler(
    isCollection(value) ? PRINTED_COLLECTION : (value as string | number).toString(),
    context.environment.charset,
    '',
  );
}

/** `low..high` is the function `range` in other letters. */
function makeRange(node: TwingBaseNode, context: GuardedContext): unknown {
  const low = execute(node.children.left!, context);
  const high = execute(node.children.right!, context);
  const range: unknown = context.environment.functions.get('range')!.callable(context, low, high, 1);
  context.budget.weigh(range);
  return range;
}
