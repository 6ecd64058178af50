/** `carom providers test`: one message through a provider, watched until its vendor has said what became of it. */
import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import { clientCommand, openSession } from './client-command.ts';
import { followTransaction } from './follow.ts';
import type { CliIo } from './io.ts';
import { addPair } from './pairs.ts';
import type { TransactionView } from './transaction-view.ts';

const EXAMPLES = `
What is not said is filled in. The exit status is 0 once it is delivered (accepted, where the provider reports nothing), else 1.

Examples:
  carom providers test sms-main --to +919876543210
  carom providers test mail --to ana@example.com --subject Hello --body "It works."
  carom providers test whatsapp --to +919876543210 --template order_update --language en --variable 4711
`;

function another(text: string, before: string[] | undefined): string[] {
  return [...(before ?? []), text];
}

/** The subcommand. */
export function providerTestCommand(providers: CommandUnknownOpts, io: CliIo): void {
  clientCommand(providers, 'test')
    .description('send one message through it, and follow its receipts (needs the scope admin)')
    .argument('<id>')
    .requiredOption('--to <address>', 'a phone number, an e-mail address, a device token')
    .option('--body <text>', 'what it says')
    .option('--from <sender>', 'who it is from')
    .option('--subject <text>', 'of an e-mail')
    .option('--title <text>', 'of a push')
    .option('--data <name=value>', 'of a push; repeat it for more', addPair)
    .option('--template <name>', 'a template at the vendor, instead of a body')
    .option('--language <code>', 'of the template')
    .option('--variable <text>', 'of the template; repeat it for more', another)
    .addHelpText('after', EXAMPLES)
    .action(async (id, options) => {
      const session = await openSession(options, io);
      const { to, body: text, from, subject, title, data, template: name, language, variable: variables } = options;
      const template = name === undefined ? undefined : { name, language, variables };
      const body = { to, body: text, from, subject, title, data, template };
      const path = `/v1/providers/${encodeURIComponent(id)}/test`;
      const { body: made } = await session.client.request('POST', path, { body });
      await followTransaction(session, (made as TransactionView).id);
    });
}
