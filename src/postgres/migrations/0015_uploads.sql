-- Files of recipients that are being uploaded. Their pages stand in batch_pages already, where nobody finds them: there is
-- no batch yet. It is made when the file is complete, and the row here goes; the pages of an upload that broke off go with its row.
create table batch_uploads (
  bucket     smallint    not null,         -- the batch's
  batch_id   uuid        not null,
  touched_at timestamptz not null,         -- when its last page came
  primary key (bucket, batch_id)
);
create index batch_uploads_touched on batch_uploads (bucket, touched_at);

-- Rows of the file that could not be read: they are among the total, and among the refusals.
alter table batches add column bad_rows integer not null default 0;

-- The table learns what its columns are like, as in 0001.
insert into batch_uploads select 0, gen_random_uuid(), now() + n * interval '1 s' from generate_series(1, 1000) n;
analyze batch_uploads;
savepoint learnt;
truncate batch_uploads;
release savepoint learnt;
