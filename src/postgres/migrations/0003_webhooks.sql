create table webhooks (
  account_id text    not null,
  id         text    not null,
  body       jsonb   not null,
  removed    boolean not null default false,
  revision   bigint  not null,
  primary key (account_id, id)
);
create index webhooks_revision on webhooks (revision);

-- One row for each event and webhook, written by the statement that writes what happened, so that none is lost and none is told
-- of what did not come to pass. A call waits (due_at), is claimed by a node for a while (claimed_until, which is in no index, so
-- that claiming writes to none), and is delivered or given up. lane: whose calls go out one after the other, in the order of
-- position: a transaction's, a batch's.
create table webhook_calls (
  bucket     smallint    not null,      -- the transaction's; hash of the id for what has none
  account_id text        not null,
  webhook_id text        not null,
  lane       uuid        not null,
  id         text        not null,      -- the event's: what receivers deduplicate by
  type       text        not null,
  position   bigint      not null,
  state      text        not null,      -- waiting, delivered, failed
  attempts   integer     not null,      -- since it was made, or replayed
  at         timestamptz not null,      -- when the event happened
  due_at     timestamptz,                -- null unless it waits
  claimed_until timestamptz,
  tried_at   timestamptz,
  until      timestamptz not null,      -- a waiting one is given up then, another is forgotten
  status     integer,                   -- of the last answer
  error      text,
  format     text        not null,
  body       json        not null,      -- json, not jsonb: it is sent, and signed, as it is
  primary key (bucket, account_id, webhook_id, lane, id)
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_cost_delay = 1);

create index webhook_calls_due   on webhook_calls (bucket, account_id, webhook_id, due_at) where due_at is not null;
create index webhook_calls_at    on webhook_calls (bucket, account_id, webhook_id, at, id);
create index webhook_calls_until on webhook_calls (bucket, until);

-- When something was last delivered, to the minute.
create table webhook_health (
  bucket       smallint    not null,    -- hash of (account_id, webhook_id)
  account_id   text        not null,
  webhook_id   text        not null,
  delivered_at timestamptz not null,
  primary key (bucket, account_id, webhook_id)
);

-- As in 0001: plans must not wait for statistics.
insert into webhook_calls
  select 0, 'account ' || n % 10, 'webhook ' || n % 3, gen_random_uuid(), n, n % 5, n, 'waiting', 1, now() + n * interval '1 s',
    now() + n * interval '1 s', now(), now(), now() + n * interval '1 s', 200, '', 'cloudevents', '{}' from generate_series(1, 1000) n;
insert into webhook_health select 0, 'account ' || n % 10, n, now() from generate_series(1, 1000) n;
analyze webhook_calls, webhook_health;
savepoint learnt;
truncate webhook_calls, webhook_health;
release savepoint learnt;
