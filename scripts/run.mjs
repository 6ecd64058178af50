/** `node scripts/run.mjs FILE ARGS…`: installs what is missing, then runs FILE on the Node that Carom is made for. */
import { runInForeground } from './foreground.mjs';
import { compileOnce, ensureInstalled, root } from './install.mjs';

try {
  process.chdir(root);
  const node = await ensureInstalled();
  process.env.NODE_COMPILE_CACHE ??= compileOnce(node);
  process.exitCode = await runInForeground(node, process.argv.slice(2), {
    stopWithParent: process.env.npm_lifecycle_event !== undefined,
  });
} catch (error) {
  console.error(`\n${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
