/** `npm start` and `npm test` before anything is installed, and while somebody presses Ctrl-C. */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import test, { describe, type TestContext } from 'node:test';
import { installFailure, missingPackages } from '../scripts/install.mjs';

const FOREGROUND = new URL('../scripts/foreground.mjs', import.meta.url).href;

test('an install is due when a locked package is absent or another version, optional ones only when another version', () => {
  const locked = {
    '': {},
    'node_modules/a': { version: '1.0.0' },
    'node_modules/b': { version: '2.0.0' },
    'node_modules/for-mac': { version: '1.0.0', optional: true },
    'node_modules/old': { version: '2.0.0', optional: true },
  };
  const installed = {
    'node_modules/a': { version: '1.0.0' },
    'node_modules/old': { version: '1.0.0' },
    'node_modules/more': { version: '1.0.0' },
  };
  assert.deepEqual(missingPackages(locked, installed), ['node_modules/b', 'node_modules/old']);
  assert.deepEqual(missingPackages(locked, { ...locked }), []);
});

test('a failed install names the remedy and what npm said', () => {
  assert.match(
    installFailure('npm error code ENOTFOUND\nnpm error network'),
    /registry cannot be reached.*\n\nnpm error code ENOTFOUND/s,
  );
  assert.match(installFailure('npm error code EACCES'), /belong to the user/);
  assert.match(installFailure('npm error code EUSAGE'), /npm ci/);
});

describe('a program in the foreground', () => {
  /** Counts its signals; drains for 300 ms, then ends with 40 + their number. */
  const PROGRAM = `
    let signals = 0;
    const drain = (signal) => { signals += 1; console.log(signal); if (signals === 1) setTimeout(() => process.exit(40 + signals), 300); };
    process.on('SIGINT', drain); process.on('SIGTERM', drain);
    setInterval(() => {}, 1000);
    console.log('ready');`;

  /** Starts the wrapper as the leader of a group of its own, as a terminal does; or a shell that starts it, as npm does. */
  async function start(
    t: TestContext,
    how?: 'behind a shell',
  ): Promise<{ wrapper: ChildProcess; pid: number; nextLine: () => Promise<string> }> {
    const folder = mkdtempSync(join(tmpdir(), 'carom a space '));
    const program = join(folder, 'program.mjs');
    writeFileSync(program, PROGRAM);
    const script = `import { runInForeground } from '${FOREGROUND}';
      process.exitCode = await runInForeground(process.execPath, [process.argv[1]], { stopWithParent: true });`;
    const command = [process.execPath, '--input-type=module', '--eval', script, program];
    const behindShell = ['sh', '-c', '"$@"; exit', 'sh', ...command];
    const [file = '', ...args] = how === undefined ? command : behindShell;
    const wrapper = spawn(file, args, { stdio: ['ignore', 'pipe', 'inherit'], detached: true });
    t.after(() => {
      wrapper.kill('SIGKILL');
      rmSync(folder, { recursive: true });
    });
    const lines = createInterface(wrapper.stdout)[Symbol.asyncIterator]();
    const nextLine = async (): Promise<string> => (await lines.next()).value ?? 'end';
    assert.equal(await nextLine(), 'ready');
    return { wrapper, pid: wrapper.pid ?? 0, nextLine };
  }

  test('gets one Ctrl-C where the terminal and npm send two, and its exit status is passed on after the drain', async (t) => {
    const { wrapper, pid, nextLine } = await start(t);
    process.kill(-pid, 'SIGINT');
    process.kill(pid, 'SIGINT');
    assert.equal(await nextLine(), 'SIGINT');
    assert.deepEqual(await once(wrapper, 'exit'), [41, null]);
    assert.equal(await nextLine(), 'end');
  });

  test('gets the SIGTERM that was sent to the wrapper alone', async (t) => {
    const { wrapper, nextLine } = await start(t);
    wrapper.kill('SIGTERM');
    assert.equal(await nextLine(), 'SIGTERM');
    assert.deepEqual(await once(wrapper, 'exit'), [41, null]);
  });

  test('drains when npm was told to stop, which only reaches its shell', async (t) => {
    const { wrapper, nextLine } = await start(t, 'behind a shell');
    wrapper.kill('SIGTERM');
    assert.equal(await nextLine(), 'SIGTERM');
    assert.equal(await nextLine(), 'end');
  });

  test('drains when the wrapper is killed outright', async (t) => {
    const { wrapper, nextLine } = await start(t);
    wrapper.kill('SIGKILL');
    assert.equal(await nextLine(), 'SIGTERM');
    assert.equal(await nextLine(), 'end'); // its end of the pipe closed: it has ended, too
  });
});
