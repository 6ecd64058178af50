#!/usr/bin/env node
/** The command `carom`. On an older Node it starts itself again on the one in node_modules. */
import module from 'node:module';
import { caromNode, compileCache } from '../scripts/install.mjs';
import { runInForeground } from '../scripts/foreground.mjs';
import { fileURLToPath } from 'node:url';

const node = caromNode();
if (Number.parseInt(process.versions.node, 10) >= 24) {
  module.enableCompileCache(compileCache);
  await import('../src/main.ts');
} else if (node !== null) {
  process.exitCode = await runInForeground(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)]);
} else {
  console.error(`Carom needs Node 24 and this is ${process.version}: run "npm ci" in its folder, which brings one.`);
  process.exitCode = 1;
}
