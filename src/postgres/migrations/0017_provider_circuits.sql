-- The circuits of providers that are not closed: written when one opens, is tried or closes, read by every node twice a
-- second. There are as many rows as providers that fail. version: another one with each change; the clock is the database's.
create table provider_circuits (
  account_id  text        not null,
  provider_id text        not null,
  version     uuid        not null,
  name        text        not null,     -- open, half_open
  openings    integer     not null,     -- since it was last closed
  reason      text        not null,     -- the last fault
  since       timestamptz not null,     -- when it opened first
  until       timestamptz not null,     -- when somebody may try
  primary key (account_id, provider_id)
);
