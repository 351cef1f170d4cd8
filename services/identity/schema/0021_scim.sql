-- What a provisioning client (SCIM) says of a person beside address and name: its own names for them,
-- and the parts of their name. An account that no client has written goes by its address.
ALTER TABLE users ADD COLUMN user_name TEXT;
ALTER TABLE users ADD COLUMN external_id TEXT;
ALTER TABLE users ADD COLUMN given_name TEXT;
ALTER TABLE users ADD COLUMN family_name TEXT;
ALTER TABLE users ADD COLUMN email_type TEXT;
ALTER TABLE users ADD COLUMN email_primary BOOLEAN;
CREATE UNIQUE INDEX users_user_name ON users (lower(user_name));
CREATE INDEX users_external_id ON users (external_id) WHERE external_id IS NOT NULL;

-- Groups that provisioning clients see and change: those they made, and those an administrator opened.
ALTER TABLE groups ADD COLUMN provisioned BOOLEAN NOT NULL DEFAULT FALSE;
