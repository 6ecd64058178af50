import type { FastifyInstance } from 'fastify';
import { YAMLError, parse } from 'yaml';
import { Refusal } from './refusal.ts';

/** What clients call YAML (RFC 9512, and the names before it). */
const YAML_TYPES = ['application/yaml', 'application/x-yaml', 'text/yaml', 'text/x-yaml'];

/** A manifest may come as it is written. Its `${…}` are expanded by whoever sends it: the server's environment is nobody else's. */
export function acceptYamlBodies(scope: FastifyInstance): void {
  scope.addContentTypeParser(YAML_TYPES, { parseAs: 'string' }, (_request, text, done) => {
    try {
      done(null, parse(text as string));
    } catch (error) {
      if (!(error instanceof YAMLError || error instanceof ReferenceError)) throw error;
      done(new Refusal('invalid', `the YAML cannot be read: ${error.message.split('\n')[0]}`));
    }
  });
}
