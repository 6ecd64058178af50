/** Files fit in the head, and their names say what is in them. */
import { fault, isScript, parse, type Rule, type SourceFile } from './source.ts';

const FILE_LINES_MAX = 400;
const SAYS_NOTHING = /^(utils?|common|helpers?|types|misc)$/i;

/** `long` names the files that may be longer, or hold a function longer than the lint allows, each with its reason. */
export function filesAreShort(long: Record<string, string>): Rule {
  return (files) => {
    const scripts = files.filter(isScript);
    const tooLong = scripts.filter((file) => lines(file) > FILE_LINES_MAX);
    const withLongFunction = scripts.filter(excusesLongFunction);
    const known = new Set(Object.keys(long));
    return [
      ...tooLong
        .filter((file) => !known.has(file.path))
        .map(
          (file) =>
            `${file.path}:1 has ${lines(file)} lines, more than ${FILE_LINES_MAX}; divide it by ideas, or name it with a reason`,
        ),
      ...withLongFunction
        .filter((file) => !known.has(file.path))
        .map(
          (file) => `${file.path}:1 excuses a long function from the lint; divide it, or name the file with a reason`,
        ),
      ...[...known]
        .filter((path) => ![...tooLong, ...withLongFunction].some((file) => file.path === path))
        .map((path) => `${path}:1 is named as long and no longer is; take it off the list`),
    ];
  };
}

function lines(file: SourceFile): number {
  return file.text.trimEnd().split('\n').length;
}

function excusesLongFunction(file: SourceFile): boolean {
  return parse(file).comments.some(({ value }) => /oxlint-disable.*max-lines-per-function/.test(value));
}

export const namesSaySomething: Rule = (files) =>
  files.flatMap((file) => {
    const empty = file.path.split('/').find((part) => SAYS_NOTHING.test(part.replace(/(\.test)?\.\w+$/, '')));
    return empty === undefined ? [] : [`${file.path}:1 "${empty}" holds anything; name it for the one idea in it`];
  });

/** Imports name the file that declares a thing: a barrel hides which rooms know each other. */
export const noBarrels: Rule = (files) =>
  files.filter(isScript).flatMap((file) => {
    const reexports = parse(file).visits.filter(
      ({ node }) =>
        node.type === 'ExportAllDeclaration' || (node.type === 'ExportNamedDeclaration' && node.source !== null),
    );
    return reexports.map(({ node }) =>
      fault(file, node.start, 're-exports; let importers name the file that declares it'),
    );
  });
