-- By what a profile's subscriptions can be found, as keys (src/domain/subscription.ts); null: it has none. And by its
-- attributes. A pending list would be read through for every value that is looked for, so that there is none.
alter table profiles add column subscription_keys text[];
create index profiles_subscriptions on profiles using gin (subscription_keys) with (fastupdate = off)
  where subscription_keys is not null;
create index profiles_attributes on profiles using gin (attributes jsonb_path_ops) with (fastupdate = off);

-- What calls were answered, for as long as a repeat of one is not done again. Written with the batch that the call made.
create table kept_answers (
  bucket     smallint    not null,         -- hash of (account_id, key), as the batch's
  account_id text        not null,
  key        text        not null,
  until      timestamptz not null,
  body       text        not null,
  primary key (bucket, account_id, key)
);
create index kept_answers_until on kept_answers (bucket, until);

-- The table learns what its columns are like, as in 0001.
insert into kept_answers select 0, 'account ' || n % 10, n, now() + n * interval '1 s', n from generate_series(1, 1000) n;
analyze kept_answers;
savepoint learnt;
truncate kept_answers;
release savepoint learnt;
