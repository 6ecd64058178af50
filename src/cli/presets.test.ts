import assert from 'node:assert/strict';
import test from 'node:test';
import { parse } from 'yaml';
import { presetNames } from './presets.ts';
import { play } from './stage.ts';

test('presets are listed, without a server', async () => {
  const { out, status } = await play(['providers', 'presets'], { columns: 200 });
  assert.equal(status, 0);
  const [headings, ...rows] = out.trimEnd().split('\n');
  assert.equal(headings?.replaceAll(/ +/g, ' '), 'preset channel receipts vendor');
  assert.deepEqual(
    rows.map((row) => row.split(' ')[0]),
    await presetNames(),
  );
  assert(rows.some((row) => /^infobip +sms +callback +Infobip: SMS/.test(row)));
});

test('the list is there for machines', async () => {
  const { out } = await play(['providers', 'presets', '--json']);
  const infobip = (JSON.parse(out) as { name: string }[]).find(({ name }) => name === 'infobip');
  assert.deepEqual(infobip, {
    name: 'infobip',
    title: 'Infobip: SMS, by its SMS API version 3.',
    channel: 'sms',
    receipts: 'callback',
    environment: ['INFOBIP_BASE_URL', 'INFOBIP_API_KEY'],
  });
});

test('one is printed as it is written, to be applied', async () => {
  const { out } = await play(['providers', 'presets', 'infobip']);
  assert.match(out, /^# Infobip: SMS.*\n#\n# INFOBIP_BASE_URL /);
  const { providers } = parse(out) as { providers: { id: string }[] };
  assert.deepEqual(
    providers.map(({ id }) => id),
    ['infobip'],
  );
  const { manifest } = JSON.parse((await play(['providers', 'presets', 'infobip', '--json'])).out) as {
    manifest: object;
  };
  assert.deepEqual(manifest, { providers });
});

test('one that does not exist is told, with those that do', async () => {
  const { err, status } = await play(['providers', 'presets', '../package']);
  assert.equal(status, 2);
  assert.match(err, /there is no preset "\.\.\/package"; there are .*infobip/);
});
