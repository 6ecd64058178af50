-- The event that starts a campaign by itself; not a part of its versions, as its state is none.
alter table campaigns add column on_event text;

-- Events whose campaigns have not been started yet: written in one statement with the event, deleted when each campaign has its
-- transaction. due_at: when somebody may take it (in hand: when the claim is over).
create table event_starts (
  bucket       smallint    not null,    -- the event's
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

-- What its columns are like, as 0001 tells it of the other tables.
insert into event_starts select 0, 'account ' || n % 10, n % 100, gen_random_uuid(), n % 5, now(), '{}', '["~a"]', now() + n * interval '1 s'
  from generate_series(1, 1000) n;
analyze event_starts;
savepoint learnt;
truncate event_starts;
release savepoint learnt;
