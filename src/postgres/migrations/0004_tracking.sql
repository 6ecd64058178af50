-- Links in messages are signed with this: the same on all nodes, and for as long as the messages are read.
alter table carom add column tracking_secret bytea;
update carom set tracking_secret = sha256(convert_to(gen_random_uuid()::text || gen_random_uuid() || gen_random_uuid(), 'UTF8'));
alter table carom alter column tracking_secret set not null;

-- Where the links of a message lead, written before the message goes out: a click never comes before its link is known.
create table tracked_messages (
  bucket     smallint    not null,      -- the message's
  key        bigint      not null,      -- begins with the message's routing hash; part of every link to us
  account_id text        not null,
  message_id uuid        not null,
  user_id    text        not null,
  channel    text        not null,
  urls       text[]      not null,      -- by the links' numbers
  at         timestamptz not null,
  primary key (bucket, key)
);
create index tracked_messages_at on tracked_messages (bucket, at);

-- What its columns are like, as 0001 tells it of the other tables.
insert into tracked_messages select 0, n, 'account ' || n % 10, gen_random_uuid(), n, 'sms', '{}', now() + n * interval '1 s'
  from generate_series(1, 1000) n;
analyze tracked_messages;
savepoint learnt;
truncate tracked_messages;
release savepoint learnt;
