SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;
SET default_tablespace = '';
SET default_table_access_method = heap;
CREATE TABLE public.erased_owners (
    owner uuid NOT NULL,
    erased_at timestamp with time zone NOT NULL
);
CREATE TABLE public.events (
    seq bigint NOT NULL,
    id uuid NOT NULL,
    type text NOT NULL,
    version bigint NOT NULL,
    subject text NOT NULL,
    subject_version bigint NOT NULL,
    owner uuid,
    actor uuid,
    trace text,
    "time" timestamp with time zone NOT NULL,
    data jsonb
);
ALTER TABLE public.events ALTER COLUMN seq ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.events_seq_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.held_events (
    subscription text NOT NULL,
    source text NOT NULL,
    seq bigint NOT NULL,
    subject text NOT NULL,
    type text NOT NULL,
    owner uuid,
    attempts bigint NOT NULL,
    next_at timestamp with time zone NOT NULL,
    dead boolean NOT NULL,
    cause text NOT NULL,
    held_at timestamp with time zone NOT NULL
);
CREATE TABLE public.idempotency (
    principal uuid NOT NULL,
    operation text NOT NULL,
    key_hash bytea NOT NULL,
    request_hash bytea NOT NULL,
    answer bytea,
    created_at timestamp with time zone NOT NULL
);
CREATE TABLE public.jobs (
    id uuid NOT NULL,
    kind text NOT NULL,
    key text,
    payload jsonb NOT NULL,
    owner uuid,
    run_at timestamp with time zone NOT NULL,
    deadline timestamp with time zone,
    attempts bigint NOT NULL,
    lease uuid,
    lease_until timestamp with time zone,
    dead boolean NOT NULL,
    cause text,
    created_at timestamp with time zone NOT NULL
);
CREATE TABLE public.kafka_relay (
    source text NOT NULL,
    seq bigint NOT NULL,
    epoch bigint NOT NULL,
    holder uuid,
    expires_at timestamp with time zone NOT NULL
);
CREATE TABLE public.positions (
    subscription text NOT NULL,
    source text NOT NULL,
    seq bigint NOT NULL,
    updated_at timestamp with time zone NOT NULL
);
CREATE TABLE public.schema_migrations (
    owner text NOT NULL,
    name text NOT NULL,
    checksum text NOT NULL,
    applied_at timestamp with time zone NOT NULL
);
CREATE TABLE public.sessions (
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    nonce bytea NOT NULL,
    generation bigint NOT NULL,
    rotated_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    revoked_at timestamp with time zone,
    user_agent text NOT NULL,
    address text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    last_used_at timestamp with time zone NOT NULL
);
CREATE TABLE public.setup_tokens (
    hash bytea NOT NULL,
    created_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL
);
CREATE TABLE public.sign_in_attempts (
    account bytea NOT NULL,
    address bytea NOT NULL,
    failures bigint NOT NULL,
    busy_until timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL
);
CREATE TABLE public.signing_keys (
    number bigint NOT NULL,
    seed bytea NOT NULL,
    created_at timestamp with time zone NOT NULL,
    active_at timestamp with time zone NOT NULL,
    retire_at timestamp with time zone
);
CREATE TABLE public.snapshots (
    subject text NOT NULL,
    subject_version bigint NOT NULL,
    owner uuid,
    "time" timestamp with time zone NOT NULL,
    data jsonb NOT NULL
);
CREATE TABLE public.user_roles (
    user_id uuid NOT NULL,
    role text NOT NULL
);
CREATE TABLE public.users (
    id uuid NOT NULL,
    email text NOT NULL,
    name text NOT NULL,
    password text NOT NULL,
    version bigint NOT NULL,
    disabled_at timestamp with time zone,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    signed_in_at timestamp with time zone
);
INSERT INTO public.events OVERRIDING SYSTEM VALUE VALUES
	(1, '01a1fe4b-4dac-72e1-b4aa-aa79b8b30865', 'identity.UserRegistered', 1, 'user/01a1fe4b-4da6-77ae-97f3-c29a45a7f216', 1, '01a1fe4b-4da6-77ae-97f3-c29a45a7f216', NULL, '00-01a1fe4b4d35719db0075228fe747286-79d6ae5cb55f885b-00', '2026-11-21 13:28:30.373031+00', '{"name": "Anna", "email": "anna@example.com", "user_id": "01a1fe4b-4da6-77ae-97f3-c29a45a7f216"}'),
	(2, '01a1fe4b-4db1-724d-b386-a49802831193', 'identity.SessionStarted', 1, 'user/01a1fe4b-4da6-77ae-97f3-c29a45a7f216', 2, '01a1fe4b-4da6-77ae-97f3-c29a45a7f216', NULL, '00-01a1fe4b4d35719db0075228fe747286-79d6ae5cb55f885b-00', '2026-11-21 13:28:30.373031+00', '{"user_id": "01a1fe4b-4da6-77ae-97f3-c29a45a7f216", "session_id": "01a1fe4b-4dae-74e1-b90b-6f60d1d89ef2"}'),
	(3, '01a1fe4b-521d-7991-85f1-8c9a12123887', 'identity.UserRegistered', 1, 'user/01a1fe4b-5164-7ba1-81f4-a47b3f379ed9', 1, '01a1fe4b-5164-7ba1-81f4-a47b3f379ed9', NULL, '00-01a1fe4b4df173a1924d03bcfa17e689-bb578c9a3a2a0cac-00', '2026-11-21 13:28:31.233955+00', '{"name": "Ben", "email": "ben@example.com", "user_id": "01a1fe4b-5164-7ba1-81f4-a47b3f379ed9"}'),
	(4, '01a1fe4b-5298-7e28-9a61-277ada27ec80', 'identity.SessionStarted', 1, 'user/01a1fe4b-5164-7ba1-81f4-a47b3f379ed9', 2, '01a1fe4b-5164-7ba1-81f4-a47b3f379ed9', NULL, '00-01a1fe4b4df173a1924d03bcfa17e689-bb578c9a3a2a0cac-00', '2026-11-21 13:28:31.233955+00', '{"user_id": "01a1fe4b-5164-7ba1-81f4-a47b3f379ed9", "session_id": "01a1fe4b-5293-7fc6-943e-a973addbd42a"}');
INSERT INTO public.jobs VALUES
	('01a1fe4b-1b84-7c45-924e-560f4137dcfa', 'kernel.housekeeping', '', 'null', NULL, '2026-11-21 14:28:17.654223+00', NULL, 0, NULL, NULL, false, NULL, '2026-11-21 13:28:17.540759+00'),
	('01a1fe4b-1b82-7fef-b080-bd827028e639', 'identity.upkeep', 'hourly', '{}', NULL, '2026-11-21 14:28:17.794174+00', NULL, 0, NULL, NULL, false, NULL, '2026-11-21 13:28:17.538984+00');
INSERT INTO public.kafka_relay VALUES
	('identity', 4, 1, '01a1fe4b-1b86-7702-be92-d38fca7fad91', '2026-11-21 13:28:43.73572+00');
INSERT INTO public.schema_migrations VALUES
	('kernel-events', '0001_events', 'c5c13453d6234ef0e28fe7f146ba6fe4e439843ca15db08e07b10e904b0f0e36', '2026-11-21 13:28:13.588667+00'),
	('kernel-jobs', '0001_jobs', '73f5e659d381cd32627d1f354138032cdb03dd113b09521396a5f8934dc21f57', '2026-11-21 13:28:13.588667+00'),
	('kernel-http', '0001_idempotency', '79735a50b5e325bd4fcaef92009a73a630c839f4fbb994995d517259a51d2002', '2026-11-21 13:28:13.588667+00'),
	('identity', '0001_identity', '21255c86a01f2e55ae168f7d6aac5eff5875b8974cfd9599d9ea14edaf32b2a4', '2026-11-21 13:28:13.588667+00'),
	('kernel-kafka', '0001_kafka', '1deece0e05eda95a79fd17b423d420b316c1e871861491d2e21c9dc9b021b3f9', '2026-11-21 13:28:13.588667+00');
INSERT INTO public.sessions VALUES
	('01a1fe4b-4dae-74e1-b90b-6f60d1d89ef2', '01a1fe4b-4da6-77ae-97f3-c29a45a7f216', '\xa48e9a20c1a6388432c080c47b198dee', 0, '2026-11-21 13:28:30.373031+00', '2026-11-28 13:28:30.373031+00', NULL, 'Python-urllib/3.11', '127.0.0.1', '2026-11-21 13:28:30.373031+00', '2026-11-21 13:28:30.373031+00'),
	('01a1fe4b-5293-7fc6-943e-a973addbd42a', '01a1fe4b-5164-7ba1-81f4-a47b3f379ed9', '\xda9f2a8ebc226e109650f2a2a2e99a2f', 0, '2026-11-21 13:28:31.233955+00', '2026-11-28 13:28:31.233955+00', NULL, 'Python-urllib/3.11', '127.0.0.1', '2026-11-21 13:28:31.233955+00', '2026-11-21 13:28:31.233955+00');
INSERT INTO public.setup_tokens VALUES
	('\x71b3839ff7322203b0e54598df30ee0b12a7bed5ef9b9d76c5b4a9b5919de50b', '2026-11-21 13:28:17.608561+00', '2026-11-22 13:28:17.608561+00');
INSERT INTO public.sign_in_attempts VALUES
	('\xe5c739d774990c71c13dbbfab61e9e6d6cb1d5ee51acf48ccff2e0b770bfe9bb', '\x0a96d05e8cc8eabb0766fca22f19cff9787db34910b6388faf8f6646141b3b27', 2, '2026-11-21 13:29:30.373031+00', '2026-11-21 13:28:31.233955+00');
INSERT INTO public.signing_keys VALUES
	(1, '\x3763eae13418f93d9f14b43173df625df5324bf51c5666c6df42b88fc3cf9d3a4c1f666d5232f376eca3dfc969a01dfaac74330b6fad4b946bd03269', '2026-11-21 13:28:14.141037+00', '2026-11-21 13:28:14.141037+00', NULL);
INSERT INTO public.user_roles VALUES
	('01a1fe4b-4da6-77ae-97f3-c29a45a7f216', 'user'),
	('01a1fe4b-5164-7ba1-81f4-a47b3f379ed9', 'user');
INSERT INTO public.users VALUES
	('01a1fe4b-4da6-77ae-97f3-c29a45a7f216', 'anna@example.com', 'Anna', '$argon2id$v=19$m=19456,t=2,p=1$03TtN1ehBbjR/6j2o4dQ2g$FVXJYVIQ7HrKrbO6m/Bvv8MgmXGa0SooEWBrY4kkseM', 1, NULL, '2026-11-21 13:28:30.373031+00', '2026-11-21 13:28:30.373031+00', '2026-11-21 13:28:30.373031+00'),
	('01a1fe4b-5164-7ba1-81f4-a47b3f379ed9', 'ben@example.com', 'Ben', '$argon2id$v=19$m=19456,t=2,p=1$SW6V0TUZ2e8RO7FFVJzcgw$ppJ5fYzuNxcI4hoqg1AgK2AEMbLFmpXc8F8nFgF6c0w', 1, NULL, '2026-11-21 13:28:31.233955+00', '2026-11-21 13:28:31.233955+00', '2026-11-21 13:28:31.233955+00');
SELECT pg_catalog.setval('public.events_seq_seq', 4, true);
ALTER TABLE ONLY public.erased_owners
    ADD CONSTRAINT erased_owners_pkey PRIMARY KEY (owner);
ALTER TABLE ONLY public.events
    ADD CONSTRAINT events_pkey PRIMARY KEY (seq);
ALTER TABLE ONLY public.events
    ADD CONSTRAINT events_subject_subject_version_key UNIQUE (subject, subject_version);
ALTER TABLE ONLY public.held_events
    ADD CONSTRAINT held_events_pkey PRIMARY KEY (subscription, source, seq);
ALTER TABLE ONLY public.idempotency
    ADD CONSTRAINT idempotency_pkey PRIMARY KEY (principal, operation, key_hash);
ALTER TABLE ONLY public.jobs
    ADD CONSTRAINT jobs_kind_key_key UNIQUE (kind, key);
ALTER TABLE ONLY public.jobs
    ADD CONSTRAINT jobs_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.kafka_relay
    ADD CONSTRAINT kafka_relay_pkey PRIMARY KEY (source);
ALTER TABLE ONLY public.positions
    ADD CONSTRAINT positions_pkey PRIMARY KEY (subscription, source);
ALTER TABLE ONLY public.schema_migrations
    ADD CONSTRAINT schema_migrations_pkey PRIMARY KEY (owner, name);
ALTER TABLE ONLY public.sessions
    ADD CONSTRAINT sessions_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.setup_tokens
    ADD CONSTRAINT setup_tokens_pkey PRIMARY KEY (hash);
ALTER TABLE ONLY public.sign_in_attempts
    ADD CONSTRAINT sign_in_attempts_pkey PRIMARY KEY (account, address);
ALTER TABLE ONLY public.signing_keys
    ADD CONSTRAINT signing_keys_pkey PRIMARY KEY (number);
ALTER TABLE ONLY public.snapshots
    ADD CONSTRAINT snapshots_pkey PRIMARY KEY (subject, subject_version);
ALTER TABLE ONLY public.user_roles
    ADD CONSTRAINT user_roles_pkey PRIMARY KEY (user_id, role);
ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_email_key UNIQUE (email);
ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_pkey PRIMARY KEY (id);
CREATE INDEX events_owner ON public.events USING btree (owner, seq);
CREATE INDEX held_events_subject ON public.held_events USING btree (subscription, source, subject, seq);
CREATE INDEX idempotency_age ON public.idempotency USING btree (created_at);
CREATE INDEX jobs_due ON public.jobs USING btree (dead, run_at);
CREATE INDEX jobs_owner ON public.jobs USING btree (owner);
CREATE INDEX sessions_expiry ON public.sessions USING btree (expires_at);
CREATE INDEX sessions_revoked ON public.sessions USING btree (revoked_at) WHERE (revoked_at IS NOT NULL);
CREATE INDEX sessions_user ON public.sessions USING btree (user_id, id);
CREATE INDEX sign_in_attempts_age ON public.sign_in_attempts USING btree (updated_at);
CREATE INDEX snapshots_owner ON public.snapshots USING btree (owner);
CREATE INDEX user_roles_role ON public.user_roles USING btree (role);
