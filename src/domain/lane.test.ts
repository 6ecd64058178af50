import assert from 'node:assert/strict';
import test from 'node:test';
import { laneName, laneOf } from './lane.ts';

test('the name of a line says whose it is', () => {
  for (const isBulk of [true, false])
    for (const sender of [null, 'CAROM', '"+49 151"'])
      for (const accountId of ['demo', 'a","b'])
        assert.deepEqual(laneOf(laneName({ isBulk, accountId, providerId: 'sms', sender })), {
          isBulk,
          accountId,
          providerId: 'sms',
          sender,
        });
  for (const name of ['', 'sms', '[]', '["a"]', '{"a":1}', 'null']) assert.equal(laneOf(name), null, name);
});

test('singles’ lines come before those of batches', () => {
  const lane = { accountId: 'a', providerId: 'b', sender: null };
  assert.ok(laneName({ isBulk: false, ...lane, accountId: 'z' }) < laneName({ isBulk: true, ...lane }));
});
