import assert from 'node:assert/strict';
import test from 'node:test';
import type { UserKey } from '#ports/profile-store.ts';
import { matchUsers } from './match-users.ts';

const USERS: Partial<Record<UserKey, Record<string, string>>> = {
  email: { 'a@x': 'ana', 'b@x': 'bob' },
  subscription: { 'email c@x': 'cleo', 'email a@x': 'zoe' },
  phone: { '+1': 'ana', '1': 'bob' },
};

function profiles() {
  const asked: [UserKey, number][] = [];
  return {
    asked,
    findUsers: async (_: string, key: UserKey, values: string[]) => {
      asked.push([key, values.length]);
      const known = USERS[key] ?? {};
      return new Map(values.flatMap((value) => (value in known ? [[value, known[value]!] as const] : [])));
    },
  };
}

test('the first way that leads to somebody counts; who was found is not looked for again', async () => {
  const store = profiles();
  const rows = ['a@x', 'c@x', 'd@x', 'a@x'].map((email) => [
    { key: 'email' as const, values: [email] },
    { key: 'subscription' as const, values: [`email ${email}`] },
  ]);
  assert.deepEqual(await matchUsers(store, 'demo', rows), [
    { userId: 'ana', way: 0 },
    { userId: 'cleo', way: 1 },
    null,
    { userId: 'ana', way: 0 },
  ]);
  assert.deepEqual(store.asked, [
    ['email', 4],
    ['subscription', 2],
  ]);
});

test('of one way the first value that somebody has counts; a row may have fewer ways than others', async () => {
  const rows = [
    [
      { key: 'email' as const, values: [] },
      { key: 'phone' as const, values: ['+2', '1', '+1'] },
    ],
    [{ key: 'email' as const, values: ['none'] }],
    [],
  ];
  assert.deepEqual(await matchUsers(profiles(), 'demo', rows), [{ userId: 'bob', way: 1 }, null, null]);
  assert.deepEqual(await matchUsers(profiles(), 'demo', []), []);
});

test('many rows are looked up some thousand at a time', async () => {
  const store = profiles();
  const rows = Array.from({ length: 12_000 }, (_, n) => [{ key: 'email' as const, values: [n % 2 ? 'a@x' : 'none'] }]);
  const found = await matchUsers(store, 'demo', rows);
  assert.equal(found.filter((match) => match?.userId === 'ana').length, 6_000);
  assert.equal(found.length, 12_000);
  assert.deepEqual(
    store.asked.map(([, count]) => count),
    [5_000, 5_000, 2_000],
  );
});
