-- Messages stand beside the legs, no longer in them: a leg may have several (stages, channels). Transactions under way
-- when a node is upgraded are carried over.
update transactions t
set progress = (
  select (t.progress::jsonb
    || jsonb_build_object('legs', jsonb_agg(leg.value - 'policy' - 'state' - 'facts' order by leg.position))
    || jsonb_build_object('messages', jsonb_agg(
         jsonb_build_object('leg', leg.position - 1, 'stage', 0, 'policy', leg.value -> 'policy',
           'state', leg.value -> 'state', 'facts', leg.value -> 'facts')
         order by leg.position)))::json
  from json_array_elements(t.progress -> 'legs') with ordinality as old (value, position),
  lateral (select old.value::jsonb as value, old.position) as leg
)
where t.progress -> 'messages' is null;
update transactions t
set timeline = (
  select coalesce(jsonb_agg(entry.value || case when entry.value ->> 2 is null or entry.value ->> 1 like 'leg.%'
    then '[null]'::jsonb else jsonb_build_array((entry.value ->> 2)::int) end order by entry.position), '[]')
  from jsonb_array_elements(t.timeline) with ordinality as entry (value, position)
)
where jsonb_array_length(t.timeline -> 0) = 4;
