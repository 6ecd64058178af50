import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import { CommandFailure } from './failure.ts';
import { play } from './stage.ts';

describe('exit statuses', () => {
  for (const [args, status, stream, text] of [
    [['--version'], 0, 'out', /^1\.2\.3\n$/],
    [['--help'], 0, 'out', /Examples:\n {2}carom start --demo/],
    [['trigger', '--help'], 0, 'out', /'~order-whatsapp' '~order-sms'/],
    [['help', 'apply'], 0, 'out', /carom apply --dry-run manifests\//],
    [[], 2, 'err', /Usage: carom/],
    [['fly'], 2, 'err', /unknown command 'fly'/],
    [['trigger', '~a'], 2, 'err', /name the user with --user, or a file of recipients with --file/],
    [
      ['trigger', '~a', '--user', 'u', '--mode', 'some'],
      2,
      'err',
      /Allowed choices are all, fallback_on_attempt_failure/,
    ],
    [['trigger', '~a', '--user', 'u', '--token', 'x'], 2, 'err', /Write it as name=value/],
    [['trigger', '~a', '--user', 'u', '--token-json', '[1]'], 2, 'err', /Write it as a JSON object/],
    [['trigger', '~a', '--user', 'u', '--ttl', '5m'], 2, 'err', /It must be a whole number/],
    [['keys', 'create', '--scopes', 'read,write'], 2, 'err', /"write" is none of trigger, read, admin/],
    [
      ['transaction', 'x', '--url', 'localhost:8080'],
      2,
      'err',
      /must be an address such as http:\/\/127\.0\.0\.1:8080/,
    ],
  ] as [string[], number, 'out' | 'err', RegExp][]) {
    test(`carom ${args.join(' ')} → ${status}`, async () => {
      const played = await play(args);
      assert.equal(played.status, status, played.err);
      assert.match(played[stream], text);
    });
  }
});

test('a subcommand that is none is named', async () => {
  const { status, err } = await play(['campaigns', 'strat', '~a']);
  assert.deepEqual(
    { status, err },
    { status: 2, err: 'error: there is no "carom campaigns strat"; see "carom campaigns --help"\n' },
  );
});

describe('what a verb throws', () => {
  async function startThat(error: Error, env = {}) {
    const start = async () => {
      throw error;
    };
    return play(['start'], { start, env });
  }

  test('is a line, never a stack', async () => {
    const { err, status } = await startThat(new Error('port 8080 is in use on 127.0.0.1'));
    assert.deepEqual({ err, status }, { err: 'error: port 8080 is in use on 127.0.0.1\n', status: 1 });
  });

  test('has its single faults above it', async () => {
    const { err } = await startThat(new CommandFailure('it has 2 faults', { lines: ['one', 'two'] }));
    assert.equal(err, 'one\ntwo\nerror: it has 2 faults\n');
  });

  test('shows where it comes from when asked to', async () => {
    assert.match((await startThat(new Error('oh'), { CAROM_DEBUG: '1' })).err, /error: oh\nError: oh\n +at /);
  });
});
