/**
 * Runs a program as if it were this one: same terminal, same exit status, and exactly one signal for each the user sends.
 *
 * Ctrl-C goes to everyone in the terminal's process group, and npm passes the same signal on once more. A program that
 * takes the second for "do not drain, stop now" would lose its drain, so it gets a group of its own and its signals from
 * here. Should this process die without a word, `lifeline.mjs` inside the program notices and has it drain.
 */
import { spawn } from 'node:child_process';
import { constants } from 'node:os';

const LIFELINE = new URL('lifeline.mjs', import.meta.url).href;
/** Signals closer together than this are one key press, seen twice. */
const SAME_SIGNAL_MS = 500;
const PARENT_LOOK_MS = 250;

/**
 * @param {string} node the Node to run on
 * @param {string[]} args a script and its arguments
 * @param {{ stopWithParent?: boolean }} [options] `stopWithParent`: also stop when the process that started this one is
 *   gone. npm passes a SIGTERM on to its shell only, which dies of it and leaves us running.
 * @returns {Promise<number>} the exit status, 128 + n when signal n ended it
 */
export function runInForeground(node, args, options = {}) {
  const child = spawn(node, ['--import', LIFELINE, ...args], {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    detached: process.platform !== 'win32',
  });
  let lastAt = Number.NEGATIVE_INFINITY;
  /** @param {NodeJS.Signals} signal */
  const forward = (signal) => {
    const now = performance.now();
    if (now - lastAt < SAME_SIGNAL_MS) return;
    lastAt = now;
    child.kill(signal);
  };
  process.on('SIGINT', () => forward('SIGINT'));
  process.on('SIGTERM', () => forward('SIGTERM'));
  if (options.stopWithParent) {
    const parent = process.ppid;
    const looking = setInterval(() => {
      if (process.ppid === parent) return;
      clearInterval(looking);
      // Once only: who was asked to stop before is draining.
      if (lastAt === Number.NEGATIVE_INFINITY) forward('SIGTERM');
    }, PARENT_LOOK_MS).unref();
  }
  return new Promise((resolve, reject) => {
    child.on('error', (error) => reject(new Error(`${node} cannot be started: ${error.message}`, { cause: error })));
    child.on('exit', (code, signal) => resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal])));
  });
}
