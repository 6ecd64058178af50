-- Addresses that are not written to any more, each once for its account and channel.
create table suppressions (
  bucket      smallint    not null,      -- hash of (account_id, channel, address)
  account_id  text        not null,
  channel     text        not null,
  address     text        not null,      -- as addresses are compared: E.164, e-mail in lower case
  reason      text        not null,
  at          timestamptz not null,
  provider_id text,                      -- who reported it
  message_id  uuid,                      -- and of which message
  primary key (bucket, account_id, channel, address)
);
create index suppressions_at on suppressions (bucket, account_id, at, channel, address);

-- Which lists have entries at all: the messages of all others need not be looked up. Every node asks twice a second for those
-- that are new, by the database's clock. There are as many as accounts have channels, and they stay.
create table suppressed_channels (
  account_id text        not null,
  channel    text        not null,
  since      timestamptz not null default clock_timestamp(),
  primary key (account_id, channel)
);
create index suppressed_channels_since on suppressed_channels (since);

-- What a parked receipt says about the address of its message.
alter table parked_receipts add column suppress jsonb;

-- What their columns are like, as 0001 tells it of the other tables.
insert into suppressions select 0, 'account ' || n % 10, 'email', n || '@x.example', 'hard_bounce', now() + n * interval '1 s', 'mail', null
  from generate_series(1, 1000) n;
insert into suppressed_channels select 'account ' || n, 'email', now() + n * interval '1 s' from generate_series(1, 1000) n;
analyze suppressions, suppressed_channels;
savepoint learnt;
truncate suppressions, suppressed_channels;
release savepoint learnt;
