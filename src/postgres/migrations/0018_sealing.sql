-- Credentials are sealed with a key that is not in here: made from what an operator gave, and this. secret_key: which key seals
-- now, so that a node with another one finds out before it does anything; null: none does.
alter table carom add column secret_salt bytea, add column secret_key text;
update carom set secret_salt = sha256(convert_to(gen_random_uuid()::text || gen_random_uuid() || gen_random_uuid(), 'UTF8'));
alter table carom alter column secret_salt set not null;
