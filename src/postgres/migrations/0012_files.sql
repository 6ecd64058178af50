-- Files that go with e-mails: each content once in its account. A content is written piece by piece, and is there once it is
-- whole. check_at: when it is next asked whether anybody refers to it; not within an hour after it was last stored, for
-- whoever stored it has yet to refer to it.
create table files (
  bucket     smallint    not null,      -- hash of (account_id, sha256)
  account_id text        not null,
  sha256     text        not null,      -- of the content, in hex
  size_bytes integer     not null,
  is_whole   boolean     not null,
  stored_at  timestamptz not null,
  check_at   timestamptz not null,
  primary key (bucket, account_id, sha256)
);
create index files_check on files (bucket, check_at);

create table file_pieces (
  bucket     smallint    not null,      -- the file's
  account_id text        not null,
  sha256     text        not null,
  number     integer     not null,      -- 0, 1, 2…
  bytes      bytea       not null,
  primary key (bucket, account_id, sha256, number)
);
-- What is attached to mail is compressed already.
alter table file_pieces alter column bytes set storage external;

-- Who needs a content: a transaction, a batch (for all its transactions), a campaign (for its versions). Written before its
-- owner is, so that no crash leaves one without its files. check_at: when it is next asked whether the owner is there.
create table file_refs (
  bucket     smallint    not null,      -- the file's
  account_id text        not null,
  sha256     text        not null,
  owner      text        not null,      -- kind:id
  check_at   timestamptz not null,
  primary key (bucket, account_id, sha256, owner)
);
create index file_refs_check on file_refs (bucket, check_at);

-- What their columns are like, as 0001 tells it of the other tables.
insert into files select 0, 'account ' || n % 10, n, n, true, now(), now() + n * interval '1 s' from generate_series(1, 1000) n;
insert into file_pieces select 0, 'account ' || n % 10, n, n % 3, '' from generate_series(1, 1000) n;
insert into file_refs select 0, 'account ' || n % 10, n % 100, n, now() + n * interval '1 s' from generate_series(1, 1000) n;
analyze files, file_pieces, file_refs;
savepoint learnt;
truncate files, file_pieces, file_refs;
release savepoint learnt;
