-- A sendout: all batches of one version of a campaign, under one id that its clients know it by. The first batch makes it,
-- and it stays: there are as many as there are versions that were ever sent.
create table sendouts (
  bucket      smallint    not null,      -- hash of (account_id), which its id and those of its batches carry
  account_id  text        not null,
  campaign_id text        not null,
  version     integer     not null,
  id          uuid        not null,
  created_at  timestamptz not null,
  primary key (bucket, account_id, campaign_id, version)
);

-- The table learns what its columns are like, as in 0001.
insert into sendouts select 0, 'account ' || n % 10, 'campaign ' || n, n % 5, gen_random_uuid(), now() from generate_series(1, 1000) n;
analyze sendouts;
savepoint learnt;
truncate sendouts;
release savepoint learnt;
