-- Token buckets that all nodes share: rate limits of accounts, paces of providers and senders. Read, decided and written
-- back if the version is still the same; a row is as hot as its limit is used, some dozen writes a second at most.
create table token_buckets (
  bucket   smallint    not null,        -- hash of (name)
  name     text        not null,
  version  integer     not null,
  state    json        not null,        -- rate, when it is full again, leases of nodes
  asked_at timestamptz not null,
  primary key (bucket, name)
) with (fillfactor = 50);
create index token_buckets_asked on token_buckets (bucket, asked_at);

-- A transaction whose message waits for its provider's pace stands in a line, not among the timers: nodes take from the
-- front of each line what the pace allows. lane: whose line; lane_at: since when.
alter table transactions add column lane text, add column lane_at timestamptz;
create index transactions_lane on transactions (bucket, lane, lane_at) where lane is not null;

-- What its columns are like, as 0001 tells it of the other tables.
insert into token_buckets select 0, n, n, '{}', now() - n * interval '1 s' from generate_series(1, 1000) n;
analyze token_buckets;
savepoint learnt;
truncate token_buckets;
release savepoint learnt;
