-- Batches: one request, many recipients. What all share is stored here once. expand_at: when its next page is to be
-- worked on (null: none is left); the batch served longest ago comes first. check_at: when it is next asked whether all
-- its transactions have ended.
create table batches (
  bucket            smallint    not null,  -- hash of (account_id, key), which the id carries
  account_id        text        not null,
  id                uuid        not null,  -- UUIDv7: newest last
  key               text,                  -- the client's own name for the call
  fingerprint       text        not null,  -- tells a repeat under the key from another call
  state             text        not null,
  created_at        timestamptz not null,
  start_at          timestamptz not null,
  ended_at          timestamptz,
  expand_at         timestamptz,
  check_at          timestamptz,
  total             integer     not null,
  request           json        not null,
  campaign_versions integer[]   not null,
  primary key (bucket, account_id, id)
);
create unique index batches_key on batches (bucket, key, account_id) where key is not null;
create index batches_expand on batches (bucket, expand_at) where expand_at is not null and state = 'running';
create index batches_check  on batches (bucket, check_at)  where check_at is not null;
create index batches_ended  on batches (bucket, ended_at)  where ended_at is not null;

-- Their recipients, some hundreds to a row: a row each would cost more than all else that is done for them but the
-- message itself. due_at: when the page may be taken (in hand: when the claim is over); null: it is settled.
create table batch_pages (
  bucket     smallint    not null,         -- the batch's
  batch_id   uuid        not null,
  first      integer     not null,
  size       integer     not null,
  due_at     timestamptz,
  recipients json        not null,
  refusals   jsonb       not null default '[]', -- [index, reason] of those without a transaction
  primary key (bucket, batch_id, first)
);
create index batch_pages_due on batch_pages (bucket, batch_id, first) where due_at is not null;
create index batch_pages_refused on batch_pages (bucket, batch_id, first) where refusals <> '[]';

-- A transaction of a batch, and its place there. By the index its state is counted, and those that have not ended are found.
alter table transactions add column batch_id uuid, add column batch_index integer;
create index transactions_batch on transactions (bucket, batch_id, state, batch_index) where batch_id is not null;

-- By what else a batch may name a user. The value comes before the account, as in 0001.
create index profiles_email on profiles (bucket, lower(fields ->> 'email'), account_id)
  where lower(fields ->> 'email') is not null;
create index profiles_phone on profiles (bucket, translate(fields ->> 'phone', ' -./()', ''), account_id)
  where translate(fields ->> 'phone', ' -./()', '') is not null;
create index profiles_internal_id on profiles (bucket, (fields ->> 'internalId'), account_id)
  where (fields ->> 'internalId') is not null;

-- The tables learn what their columns are like, as in 0001: most batches are over, most pages settled.
insert into batches
  select 0, 'account ' || n % 10, gen_random_uuid(), n, n, case when n % 10 = 0 then 'running' else 'ended' end, now(), now(), now(),
    case when n % 10 = 0 then now() + n * interval '1 s' end, case when n % 10 = 1 then now() + n * interval '1 s' end,
    1, '{}', '{1}' from generate_series(1, 1000) n;
insert into batch_pages
  select 0, gen_random_uuid(), n, 500, case when n % 10 = 0 then now() + n * interval '1 s' end, '[]'
  from generate_series(1, 1000) n;
analyze batches, batch_pages;
savepoint learnt;
truncate batches, batch_pages;
release savepoint learnt;
