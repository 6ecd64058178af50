-- The bucket comes first in every key of the tables that grow with traffic: each hot statement names one bucket, so the
-- same SQL runs on one machine (1 bucket) and on tables distributed by bucket. No foreign keys between buckets.

-- One row: what this database is.
create table carom (
  one      boolean primary key default true check (one),
  buckets  integer not null check (buckets between 1 and 4096),
  revision bigint  not null default 0   -- counts the configuration's changes, in commit order: writers lock this row
);
insert into carom (buckets) values (1);

-- One row per start of a process. A node that does not beat is dead, and its leases are taken over.
create table nodes (
  id         integer generated always as identity primary key,
  name       text        not null,
  started_at timestamptz not null default now(),
  beat_at    timestamptz not null default now()
);

create table accounts (
  id       text   primary key,
  body     jsonb  not null,
  revision bigint not null
);

create table api_keys (
  account_id text    not null,
  id         text    not null,
  body       jsonb   not null,          -- sha256 of the key, hint, scopes
  removed    boolean not null default false,
  revision   bigint  not null,
  primary key (account_id, id)
);

create table providers (
  account_id text    not null,
  id         text    not null,
  body       jsonb   not null,
  removed    boolean not null default false,
  revision   bigint  not null,
  primary key (account_id, id)
);

create table campaigns (
  account_id text    not null,
  id         text    not null,
  name       text    not null,
  state      text    not null,
  version    integer not null,
  removed    boolean not null default false,
  revision   bigint  not null,
  primary key (account_id, id)
);

-- Never changed once written: transactions pin (campaign_id, version).
create table campaign_versions (
  account_id  text    not null,
  campaign_id text    not null,
  version     integer not null,
  content     jsonb   not null,
  primary key (account_id, campaign_id, version)
);

create index accounts_revision  on accounts  (revision);
create index api_keys_revision  on api_keys  (revision);
create index providers_revision on providers (revision);
create index campaigns_revision on campaigns (revision);

-- A transaction is one row: what was asked (request) never changes; what has become of it (progress, timeline) is
-- written whole at each transition, guarded by version. due_at: its next timer. node_id: who is calling a provider for it.
create table transactions (
  bucket      smallint    not null,     -- hash of (account_id, txn_id)
  account_id  text        not null,
  id          uuid        not null,     -- UUIDv7: newest last
  txn_id      text        not null,
  user_id     text        not null,
  mode        text        not null,
  state       text        not null,
  version     integer     not null,
  node_id     integer,
  created_at  timestamptz not null,
  due_at      timestamptz,
  ended_at    timestamptz,
  request     json        not null,     -- json, not jsonb: the order of a token's keys decides (events' flattening)
  progress    json        not null,
  timeline    jsonb       not null,
  primary key (bucket, account_id, id)
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_cost_delay = 1);

-- The account is second in the primary key only: a planner without statistics takes any index that begins like the
-- question, and would read a whole account.
create unique index transactions_txn_id on transactions (bucket, txn_id, account_id);
create index transactions_user  on transactions (bucket, user_id, account_id, id);
create index transactions_due   on transactions (bucket, due_at)  where due_at is not null;
create index transactions_node  on transactions (bucket, node_id) where node_id is not null;
create index transactions_ended on transactions (bucket, ended_at) where ended_at is not null;

-- The single-campaign API's fixed dedupe windows.
create table dedupe_windows (
  bucket         smallint    not null,  -- hash of (account_id, key)
  account_id     text        not null,
  key            text        not null,
  until          timestamptz not null,
  transaction_id uuid        not null,
  primary key (bucket, account_id, key)
);
create index dedupe_windows_until on dedupe_windows (bucket, until);

create table profiles (
  bucket     smallint    not null,      -- hash of (account_id, user_id)
  account_id text        not null,
  user_id    text        not null,
  fields     jsonb       not null,      -- all but the next two
  attributes jsonb       not null,      -- merged key by key
  consents   jsonb       not null,      -- merged key by key
  updated_at timestamptz not null,
  primary key (bucket, account_id, user_id)
);

-- Which transactions have updated their user's profile already: once, also when a crash made the engine ask again.
create table profile_writes (
  bucket         smallint    not null,  -- hash of (account_id, user_id)
  account_id     text        not null,
  transaction_id uuid        not null,
  at             timestamptz not null,
  primary key (bucket, account_id, transaction_id)
);
create index profile_writes_at on profile_writes (bucket, at);

create table events (
  bucket     smallint    not null,      -- hash of (account_id, user_id)
  account_id text        not null,
  user_id    text        not null,
  id         uuid        not null,
  event_name text        not null,
  event_time timestamptz not null,
  event_data json        not null,
  primary key (bucket, account_id, user_id, id)
);
create index events_newest on events (bucket, account_id, id);

-- Which calls have tracked their event already, where the client numbers its calls.
create table event_requests (
  bucket     smallint    not null,      -- hash of (account_id, user_id)
  account_id text        not null,
  user_id    text        not null,
  request_id text        not null,
  at         timestamptz not null,
  primary key (bucket, account_id, user_id, request_id)
);
create index event_requests_at on event_requests (bucket, at);

-- Finds a message by its provider's reference, where receipts name nothing else.
create table message_refs (
  bucket      smallint    not null,     -- hash of (account_id, provider_id, ref)
  account_id  text        not null,
  provider_id text        not null,
  ref         text        not null,
  message_id  uuid        not null,
  at          timestamptz not null,
  primary key (bucket, account_id, provider_id, ref)
);
create index message_refs_at on message_refs (bucket, at);

-- Receipts that came before their message's reference was known.
create table parked_receipts (
  bucket      smallint    not null,     -- hash of (account_id, provider_id, ref)
  account_id  text        not null,
  provider_id text        not null,
  ref         text        not null,
  id          bigint      generated always as identity,
  status      text        not null,
  reason      text,
  at          timestamptz not null,
  claimed_until timestamptz,            -- handed out; not forgotten before it has been applied
  primary key (bucket, account_id, provider_id, ref, id)
);
create index parked_receipts_at on parked_receipts (bucket, at);

-- The sandbox vendor's own memory: receipts it will send.
create table promised_receipts (
  bucket      smallint    not null,     -- the message's
  message_id  uuid        not null,
  status      text        not null,
  account_id  text        not null,
  provider_id text        not null,
  due_at      timestamptz not null,
  primary key (bucket, message_id, status)
);
create index promised_receipts_due on promised_receipts (bucket, due_at);

-- Counters for people, one row per hour and kind.
create table stats (
  bucket      smallint    not null,     -- hash of (account_id)
  account_id  text        not null,
  hour        timestamptz not null,
  campaign_id text        not null,
  channel     text        not null,
  what        text        not null,
  count       bigint      not null,
  primary key (bucket, account_id, hour, campaign_id, channel, what)
);

-- The engine joins a batch to a table by its key. About a table without statistics the planner believes that any condition
-- leaves one row, reads a whole bucket for each batch, and keeps that plan until autovacuum comes round: a tenth of the
-- speed. So each table learns here what its columns are like (one bucket, few accounts, many ids), and is emptied again.
insert into transactions select 0, 'account ' || n % 10, gen_random_uuid(), n, n, 'all', 'running', 1, n % 3, now(),
    now() + n * interval '1 s', now() - n * interval '1 s', '{}', '{}', '[]' from generate_series(1, 1000) n;
insert into dedupe_windows select 0, 'account ' || n % 10, n, now(), gen_random_uuid() from generate_series(1, 1000) n;
insert into profiles select 0, 'account ' || n % 10, n, '{}', '{}', '{}', now() from generate_series(1, 1000) n;
insert into profile_writes select 0, 'account ' || n % 10, gen_random_uuid(), now() from generate_series(1, 1000) n;
insert into events select 0, 'account ' || n % 10, n % 100, gen_random_uuid(), n % 5, now(), '{}' from generate_series(1, 1000) n;
insert into message_refs select 0, 'account ' || n % 10, n % 5, n, gen_random_uuid(), now() from generate_series(1, 1000) n;
insert into parked_receipts (bucket, account_id, provider_id, ref, status, at)
  select 0, 'account ' || n % 10, n % 5, n, n % 5, now() from generate_series(1, 1000) n;
insert into promised_receipts select 0, gen_random_uuid(), n % 2, 'account ' || n % 10, n % 5, now() + n * interval '1 s'
  from generate_series(1, 1000) n;
insert into stats select 0, 'account ' || n % 10, now(), n, n % 5, n % 9, 1 from generate_series(1, 1000) n;
analyze transactions, dedupe_windows, profiles, profile_writes, events, message_refs, parked_receipts, promised_receipts, stats;
-- Only in a subtransaction does truncate forget the size of a table that was made in the same transaction.
savepoint learnt;
truncate transactions, dedupe_windows, profiles, profile_writes, events, message_refs, parked_receipts, promised_receipts, stats
  restart identity;
release savepoint learnt;
