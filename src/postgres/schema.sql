-- The schema on one page, as the migrations make it; what is meant by it stands in migrations/.
-- Not run by anything. tests/postgres/migrations.test.ts compares it with a migrated database, and writes it anew when
-- run with CAROM_UPDATE_SCHEMA=1.

create table carom (
  one             boolean not null default true,
  buckets         integer not null,
  revision        bigint  not null default 0,
  tracking_secret bytea   not null,
  secret_salt     bytea   not null,
  secret_key      text,
  primary key (one),
  check (((buckets >= 1) and (buckets <= 4096))),
  check (one)
);

create table nodes (
  id         integer     not null generated always as identity,
  name       text        not null,
  started_at timestamptz not null default now(),
  beat_at    timestamptz not null default now(),
  primary key (id)
);

create table accounts (
  id       text   not null,
  body     jsonb  not null,
  revision bigint not null,
  primary key (id)
);
create index accounts_revision on accounts (revision);

create table api_keys (
  account_id text    not null,
  id         text    not null,
  body       jsonb   not null,
  removed    boolean not null default false,
  revision   bigint  not null,
  primary key (account_id, id)
);
create index api_keys_revision on api_keys (revision);

create table providers (
  account_id text    not null,
  id         text    not null,
  body       jsonb   not null,
  removed    boolean not null default false,
  revision   bigint  not null,
  primary key (account_id, id)
);
create index providers_revision on providers (revision);

create table campaigns (
  account_id text    not null,
  id         text    not null,
  name       text    not null,
  state      text    not null,
  version    integer not null,
  removed    boolean not null default false,
  revision   bigint  not null,
  on_event   text,
  primary key (account_id, id)
);
create index campaigns_revision on campaigns (revision);

create table campaign_versions (
  account_id  text    not null,
  campaign_id text    not null,
  version     integer not null,
  content     jsonb   not null,
  primary key (account_id, campaign_id, version)
);

create table transactions (
  bucket      smallint    not null,
  account_id  text        not null,
  id          uuid        not null,
  txn_id      text        not null,
  user_id     text        not null,
  mode        text        not null,
  state       text        not null,
  version     integer     not null,
  node_id     integer,
  created_at  timestamptz not null,
  due_at      timestamptz,
  ended_at    timestamptz,
  request     json        not null,
  progress    json        not null,
  timeline    jsonb       not null,
  batch_id    uuid,
  batch_index integer,
  lane        text,
  lane_at     timestamptz,
  primary key (bucket, account_id, id)
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_cost_delay = 1);
create unique index transactions_txn_id on transactions (bucket, txn_id, account_id);
create index transactions_user on transactions (bucket, user_id, account_id, id);
create index transactions_due on transactions (bucket, due_at) where (due_at is not null);
create index transactions_node on transactions (bucket, node_id) where (node_id is not null);
create index transactions_ended on transactions (bucket, ended_at) where (ended_at is not null);
create index transactions_batch on transactions (bucket, batch_id, state, batch_index) where (batch_id is not null);
create index transactions_lane on transactions (bucket, lane, lane_at) where (lane is not null);

create table dedupe_windows (
  bucket         smallint    not null,
  account_id     text        not null,
  key            text        not null,
  until          timestamptz not null,
  transaction_id uuid        not null,
  primary key (bucket, account_id, key)
);
create index dedupe_windows_until on dedupe_windows (bucket, until);

create table profiles (
  bucket            smallint    not null,
  account_id        text        not null,
  user_id           text        not null,
  fields            jsonb       not null,
  attributes        jsonb       not null,
  consents          jsonb       not null,
  updated_at        timestamptz not null,
  subscription_keys text[],
  primary key (bucket, account_id, user_id)
);
create index profiles_email on profiles (bucket, lower((fields ->> 'email'::text)), account_id) where (lower((fields ->> 'email'::text)) is not null);
create index profiles_phone on profiles (bucket, translate((fields ->> 'phone'::text), ' -./()'::text, ''::text), account_id) where (translate((fields ->> 'phone'::text), ' -./()'::text, ''::text) is not null);
create index profiles_internal_id on profiles (bucket, ((fields ->> 'internalId'::text)), account_id) where ((fields ->> 'internalId'::text) is not null);
create index profiles_subscriptions on profiles using gin (subscription_keys) with (fastupdate=off) where (subscription_keys is not null);
create index profiles_attributes on profiles using gin (attributes jsonb_path_ops) with (fastupdate=off);

create table profile_writes (
  bucket         smallint    not null,
  account_id     text        not null,
  transaction_id uuid        not null,
  at             timestamptz not null,
  primary key (bucket, account_id, transaction_id)
);
create index profile_writes_at on profile_writes (bucket, at);

create table events (
  bucket     smallint    not null,
  account_id text        not null,
  user_id    text        not null,
  id         uuid        not null,
  event_name text        not null,
  event_time timestamptz not null,
  event_data json        not null,
  primary key (bucket, account_id, user_id, id)
);
create index events_newest on events (bucket, account_id, id);

create table event_requests (
  bucket     smallint    not null,
  account_id text        not null,
  user_id    text        not null,
  request_id text        not null,
  at         timestamptz not null,
  primary key (bucket, account_id, user_id, request_id)
);
create index event_requests_at on event_requests (bucket, at);

create table message_refs (
  bucket      smallint    not null,
  account_id  text        not null,
  provider_id text        not null,
  ref         text        not null,
  message_id  uuid        not null,
  at          timestamptz not null,
  primary key (bucket, account_id, provider_id, ref)
);
create index message_refs_at on message_refs (bucket, at);

create table parked_receipts (
  bucket        smallint    not null,
  account_id    text        not null,
  provider_id   text        not null,
  ref           text        not null,
  id            bigint      not null generated always as identity,
  status        text        not null,
  reason        text,
  at            timestamptz not null,
  claimed_until timestamptz,
  suppress      jsonb,
  primary key (bucket, account_id, provider_id, ref, id)
);
create index parked_receipts_at on parked_receipts (bucket, at);

create table promised_receipts (
  bucket      smallint    not null,
  message_id  uuid        not null,
  status      text        not null,
  account_id  text        not null,
  provider_id text        not null,
  due_at      timestamptz not null,
  primary key (bucket, message_id, status)
);
create index promised_receipts_due on promised_receipts (bucket, due_at);

create table stats (
  bucket      smallint    not null,
  account_id  text        not null,
  hour        timestamptz not null,
  campaign_id text        not null,
  channel     text        not null,
  what        text        not null,
  count       bigint      not null,
  primary key (bucket, account_id, hour, campaign_id, channel, what)
);

create table batches (
  bucket            smallint    not null,
  account_id        text        not null,
  id                uuid        not null,
  key               text,
  fingerprint       text        not null,
  state             text        not null,
  created_at        timestamptz not null,
  start_at          timestamptz not null,
  ended_at          timestamptz,
  expand_at         timestamptz,
  check_at          timestamptz,
  total             integer     not null,
  request           json        not null,
  campaign_versions integer[]   not null,
  bad_rows          integer     not null default 0,
  primary key (bucket, account_id, id)
);
create unique index batches_key on batches (bucket, key, account_id) where (key is not null);
create index batches_expand on batches (bucket, expand_at) where ((expand_at is not null) and (state = 'running'::text));
create index batches_check on batches (bucket, check_at) where (check_at is not null);
create index batches_ended on batches (bucket, ended_at) where (ended_at is not null);

create table batch_pages (
  bucket     smallint    not null,
  batch_id   uuid        not null,
  first      integer     not null,
  size       integer     not null,
  due_at     timestamptz,
  recipients json        not null,
  refusals   jsonb       not null default '[]'::jsonb,
  primary key (bucket, batch_id, first)
);
create index batch_pages_due on batch_pages (bucket, batch_id, first) where (due_at is not null);
create index batch_pages_refused on batch_pages (bucket, batch_id, first) where (refusals <> '[]'::jsonb);

create table webhooks (
  account_id text    not null,
  id         text    not null,
  body       jsonb   not null,
  removed    boolean not null default false,
  revision   bigint  not null,
  primary key (account_id, id)
);
create index webhooks_revision on webhooks (revision);

create table webhook_calls (
  bucket        smallint    not null,
  account_id    text        not null,
  webhook_id    text        not null,
  lane          uuid        not null,
  id            text        not null,
  type          text        not null,
  position      bigint      not null,
  state         text        not null,
  attempts      integer     not null,
  at            timestamptz not null,
  due_at        timestamptz,
  claimed_until timestamptz,
  tried_at      timestamptz,
  until         timestamptz not null,
  status        integer,
  error         text,
  format        text        not null,
  body          json        not null,
  primary key (bucket, account_id, webhook_id, lane, id)
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_cost_delay = 1);
create index webhook_calls_due on webhook_calls (bucket, account_id, webhook_id, due_at) where (due_at is not null);
create index webhook_calls_at on webhook_calls (bucket, account_id, webhook_id, at, id);
create index webhook_calls_until on webhook_calls (bucket, until);

create table webhook_health (
  bucket       smallint    not null,
  account_id   text        not null,
  webhook_id   text        not null,
  delivered_at timestamptz not null,
  primary key (bucket, account_id, webhook_id)
);

create table tracked_messages (
  bucket     smallint    not null,
  key        bigint      not null,
  account_id text        not null,
  message_id uuid        not null,
  user_id    text        not null,
  channel    text        not null,
  urls       text[]      not null,
  at         timestamptz not null,
  primary key (bucket, key)
);
create index tracked_messages_at on tracked_messages (bucket, at);

create table sendouts (
  bucket      smallint    not null,
  account_id  text        not null,
  campaign_id text        not null,
  version     integer     not null,
  id          uuid        not null,
  created_at  timestamptz not null,
  primary key (bucket, account_id, campaign_id, version)
);

create table kept_answers (
  bucket     smallint    not null,
  account_id text        not null,
  key        text        not null,
  until      timestamptz not null,
  body       text        not null,
  primary key (bucket, account_id, key)
);
create index kept_answers_until on kept_answers (bucket, until);

create table files (
  bucket     smallint    not null,
  account_id text        not null,
  sha256     text        not null,
  size_bytes integer     not null,
  is_whole   boolean     not null,
  stored_at  timestamptz not null,
  check_at   timestamptz not null,
  primary key (bucket, account_id, sha256)
);
create index files_check on files (bucket, check_at);

create table file_pieces (
  bucket     smallint not null,
  account_id text     not null,
  sha256     text     not null,
  number     integer  not null,
  bytes      bytea    not null,
  primary key (bucket, account_id, sha256, number)
);

create table file_refs (
  bucket     smallint    not null,
  account_id text        not null,
  sha256     text        not null,
  owner      text        not null,
  check_at   timestamptz not null,
  primary key (bucket, account_id, sha256, owner)
);
create index file_refs_check on file_refs (bucket, check_at);

create table token_buckets (
  bucket   smallint    not null,
  name     text        not null,
  version  integer     not null,
  state    json        not null,
  asked_at timestamptz not null,
  primary key (bucket, name)
) with (fillfactor = 50);
create index token_buckets_asked on token_buckets (bucket, asked_at);

create table event_starts (
  bucket       smallint    not null,
  account_id   text        not null,
  user_id      text        not null,
  event_id     uuid        not null,
  event_name   text        not null,
  event_time   timestamptz not null,
  event_data   json        not null,
  campaign_ids jsonb       not null,
  due_at       timestamptz not null,
  primary key (bucket, account_id, user_id, event_id)
);
create index event_starts_due on event_starts (bucket, due_at);

create table batch_uploads (
  bucket     smallint    not null,
  batch_id   uuid        not null,
  touched_at timestamptz not null,
  primary key (bucket, batch_id)
);
create index batch_uploads_touched on batch_uploads (bucket, touched_at);

create table suppressions (
  bucket      smallint    not null,
  account_id  text        not null,
  channel     text        not null,
  address     text        not null,
  reason      text        not null,
  at          timestamptz not null,
  provider_id text,
  message_id  uuid,
  primary key (bucket, account_id, channel, address)
);
create index suppressions_at on suppressions (bucket, account_id, at, channel, address);

create table suppressed_channels (
  account_id text        not null,
  channel    text        not null,
  since      timestamptz not null default clock_timestamp(),
  primary key (account_id, channel)
);
create index suppressed_channels_since on suppressed_channels (since);

create table provider_circuits (
  account_id  text        not null,
  provider_id text        not null,
  version     uuid        not null,
  name        text        not null,
  openings    integer     not null,
  reason      text        not null,
  since       timestamptz not null,
  until       timestamptz not null,
  primary key (account_id, provider_id)
);
