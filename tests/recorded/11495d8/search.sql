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
CREATE TABLE public.changes (
    id bigint NOT NULL,
    last bigint NOT NULL,
    floor bigint NOT NULL,
    whole_at bigint NOT NULL
);
CREATE TABLE public.documents (
    key uuid NOT NULL,
    change bigint NOT NULL,
    owner uuid NOT NULL,
    kind text NOT NULL,
    deleted boolean NOT NULL,
    "time" timestamp with time zone NOT NULL,
    changed_at timestamp with time zone NOT NULL,
    title text NOT NULL,
    tags jsonb NOT NULL,
    body text NOT NULL
);
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
CREATE TABLE public.search_history (
    owner uuid NOT NULL,
    query text NOT NULL,
    times bigint NOT NULL,
    results bigint NOT NULL,
    searched_at timestamp with time zone NOT NULL
);
CREATE TABLE public.search_preferences (
    owner uuid NOT NULL,
    record_history boolean NOT NULL,
    default_types jsonb NOT NULL,
    version bigint NOT NULL,
    updated_at timestamp with time zone NOT NULL
);
CREATE TABLE public.snapshots (
    subject text NOT NULL,
    subject_version bigint NOT NULL,
    owner uuid,
    "time" timestamp with time zone NOT NULL,
    data jsonb NOT NULL
);
INSERT INTO public.changes VALUES
	(1, 33, 0, 0);
INSERT INTO public.documents VALUES
	('01a1fe4b-52a0-75df-b3e9-4a827d05eadf', 1, '01a1fe4b-4da6-77ae-97f3-c29a45a7f216', 'thoughts', false, '2026-11-21 13:28:31.648351+00', '2026-11-21 13:28:32.322746+00', 'harbour kogge 0', '[]', 'harbour kogge 0'),
	('01a1fe4b-52b0-7f68-b902-c94ffb259bb2', 4, '01a1fe4b-4da6-77ae-97f3-c29a45a7f216', 'thoughts', true, '2026-11-21 13:28:31.664938+00', '2026-11-21 13:28:32.357069+00', '', '[]', ''),
	('01a1fe4b-5486-7872-ab79-39bc399bba72', 5, '01a1fe4b-4da6-77ae-97f3-c29a45a7f216', 'thoughts', false, '2026-11-21 13:28:32.134519+00', '2026-11-21 13:28:32.357069+00', 'harbour rope 7', '["load/rope"]', 'harbour rope 7'),
	('01a1fe4b-54da-7400-b96d-9236a33da522', 6, '01a1fe4b-4da6-77ae-97f3-c29a45a7f216', 'thoughts', false, '2026-11-21 13:28:32.218242+00', '2026-11-21 13:28:32.357069+00', 'harbour rope 17', '["load/rope"]', 'harbour rope 17'),
	('01a1fe4b-54eb-784d-aa5d-a20bfd41c316', 7, '01a1fe4b-4da6-77ae-97f3-c29a45a7f216', 'thoughts', false, '2026-11-21 13:28:32.23551+00', '2026-11-21 13:28:32.357069+00', 'harbour tar 18', '[]', 'harbour tar 18'),
	('01a1fe4b-5518-767e-a4d8-8b5d0c8c7198', 8, '01a1fe4b-4da6-77ae-97f3-c29a45a7f216', 'thoughts', false, '2026-11-21 13:28:32.280399+00', '2026-11-21 13:28:32.357069+00', 'harbour amber 22', '["load/amber"]', 'harbour amber 22'),
	('01a1fe4b-5523-7dc6-90f7-69436281c454', 9, '01a1fe4b-4da6-77ae-97f3-c29a45a7f216', 'thoughts', false, '2026-11-21 13:28:32.291853+00', '2026-11-21 13:28:32.357069+00', 'harbour salt 23', '["load/salt"]', 'harbour salt 23'),
	('01a1fe4b-52fc-7b70-a59f-fe4f3e330c64', 10, '01a1fe4b-4da6-77ae-97f3-c29a45a7f216', 'thoughts', false, '2026-11-21 13:28:31.740701+00', '2026-11-21 13:28:32.531377+00', 'harbour amber 2', '["load/amber"]', 'harbour amber 2'),
	('01a1fe4b-547e-7d74-8828-693928932a4a', 12, '01a1fe4b-4da6-77ae-97f3-c29a45a7f216', 'thoughts', false, '2026-11-21 13:28:32.126832+00', '2026-11-21 13:28:32.531377+00', 'harbour wax 6', '[]', 'harbour wax 6'),
	('01a1fe4b-549f-7839-a869-0655fcec6068', 14, '01a1fe4b-4da6-77ae-97f3-c29a45a7f216', 'thoughts', false, '2026-11-21 13:28:32.159506+00', '2026-11-21 13:28:32.531377+00', 'harbour grain 9', '[]', 'harbour grain 9'),
	('01a1fe4b-54a9-7f26-bb09-5e09dad88cec', 16, '01a1fe4b-4da6-77ae-97f3-c29a45a7f216', 'thoughts', false, '2026-11-21 13:28:32.16994+00', '2026-11-21 13:28:32.531377+00', 'harbour anchor 11', '["load/anchor"]', 'harbour anchor 11'),
	('01a1fe4b-536b-7d43-9dbd-231514725817', 17, '01a1fe4b-4da6-77ae-97f3-c29a45a7f216', 'thoughts', true, '2026-11-21 13:28:31.851821+00', '2026-11-21 13:28:32.531377+00', '', '[]', ''),
	('01a1fe4b-54c3-7ebc-aad8-cd21560fbb7b', 18, '01a1fe4b-4da6-77ae-97f3-c29a45a7f216', 'thoughts', false, '2026-11-21 13:28:32.195912+00', '2026-11-21 13:28:32.531377+00', 'harbour salt 13', '["load/salt"]', 'harbour salt 13'),
	('01a1fe4b-54cd-7774-bf04-53c7272ea9d7', 19, '01a1fe4b-4da6-77ae-97f3-c29a45a7f216', 'thoughts', false, '2026-11-21 13:28:32.20546+00', '2026-11-21 13:28:32.531377+00', 'harbour furs 15', '[]', 'harbour furs 15'),
	('01a1fe4b-54d2-787e-a8d0-7dec0a0d42e1', 20, '01a1fe4b-4da6-77ae-97f3-c29a45a7f216', 'thoughts', false, '2026-11-21 13:28:32.210496+00', '2026-11-21 13:28:32.531377+00', 'harbour wax 16', '["load/wax"]', 'harbour wax 16'),
	('01a1fe4b-54a5-7462-a1a7-1055ccaa57ad', 21, '01a1fe4b-4da6-77ae-97f3-c29a45a7f216', 'thoughts', false, '2026-11-21 13:28:32.165265+00', '2026-11-21 13:28:32.531377+00', 'harbour again 17', '["load/again"]', 'harbour again 17'),
	('01a1fe4b-54f6-7c08-8ee0-41d95f90812c', 22, '01a1fe4b-4da6-77ae-97f3-c29a45a7f216', 'thoughts', false, '2026-11-21 13:28:32.246743+00', '2026-11-21 13:28:32.531377+00', 'harbour grain 19', '["load/grain"]', 'harbour grain 19'),
	('01a1fe4b-5505-78e5-bb1b-7f72b56c512f', 23, '01a1fe4b-4da6-77ae-97f3-c29a45a7f216', 'thoughts', false, '2026-11-21 13:28:32.261502+00', '2026-11-21 13:28:32.531377+00', 'harbour kogge 20', '["load/kogge"]', 'harbour kogge 20'),
	('01a1fe4b-535b-7e97-ace8-d4861c1f9207', 24, '01a1fe4b-4da6-77ae-97f3-c29a45a7f216', 'thoughts', false, '2026-11-21 13:28:31.835902+00', '2026-11-21 13:28:32.608503+00', 'harbour salt 3', '[]', 'harbour salt 3'),
	('01a1fe4b-53b5-7953-8906-4d47a83749d0', 25, '01a1fe4b-4da6-77ae-97f3-c29a45a7f216', 'thoughts', false, '2026-11-21 13:28:31.925573+00', '2026-11-21 13:28:32.608503+00', 'harbour furs 5', '["load/furs"]', 'harbour furs 5'),
	('01a1fe4b-54b5-752b-bd6e-f4d4a52798cc', 27, '01a1fe4b-4da6-77ae-97f3-c29a45a7f216', 'thoughts', false, '2026-11-21 13:28:32.181312+00', '2026-11-21 13:28:32.608503+00', 'harbour amber 12', '[]', 'harbour amber 12'),
	('01a1fe4b-5497-7378-a227-ce48a89ebf3e', 30, '01a1fe4b-4da6-77ae-97f3-c29a45a7f216', 'thoughts', true, '2026-11-21 13:28:32.151208+00', '2026-11-21 13:28:32.608503+00', '', '[]', ''),
	('01a1fe4b-5513-7fba-b0bf-cefea1feb79c', 31, '01a1fe4b-4da6-77ae-97f3-c29a45a7f216', 'thoughts', false, '2026-11-21 13:28:32.275974+00', '2026-11-21 13:28:32.608503+00', 'harbour anchor 21', '[]', 'harbour anchor 21'),
	('01a1fe4b-54c9-798d-aed3-7ce5960133c1', 32, '01a1fe4b-4da6-77ae-97f3-c29a45a7f216', 'thoughts', false, '2026-11-21 13:28:32.201589+00', '2026-11-21 13:28:32.608503+00', 'harbour again 22', '["load/again"]', 'harbour again 22'),
	('01a1fe4b-5528-79fb-9db5-d45974c55051', 33, '01a1fe4b-4da6-77ae-97f3-c29a45a7f216', 'thoughts', false, '2026-11-21 13:28:32.296617+00', '2026-11-21 13:28:32.608503+00', 'harbour at last', '["load/last"]', 'harbour at last');
INSERT INTO public.jobs VALUES
	('01a1fe4b-1574-79e7-aab5-d3ed9b91fce9', 'kernel.housekeeping', '', 'null', NULL, '2026-11-21 14:28:16.515812+00', NULL, 0, NULL, NULL, false, NULL, '2026-11-21 13:28:15.98858+00');
INSERT INTO public.kafka_relay VALUES
	('search', 0, 1, '01a1fe4b-16a2-7a18-a802-14e12ed64255', '2026-11-21 13:28:45.174036+00');
INSERT INTO public.positions VALUES
	('erasure', 'identity/2', 4, '2026-11-21 13:28:31.757832+00'),
	('erasure', 'identity/0', 4, '2026-11-21 13:28:31.783645+00'),
	('erasure', 'identity/1', 4, '2026-11-21 13:28:31.773662+00'),
	('index', 'thoughts/0', 33, '2026-11-21 13:28:32.357069+00'),
	('index', 'thoughts/1', 33, '2026-11-21 13:28:32.531377+00'),
	('index', 'thoughts/2', 33, '2026-11-21 13:28:32.608503+00');
INSERT INTO public.schema_migrations VALUES
	('kernel-events', '0001_events', 'c5c13453d6234ef0e28fe7f146ba6fe4e439843ca15db08e07b10e904b0f0e36', '2026-11-21 13:28:14.320429+00'),
	('kernel-jobs', '0001_jobs', '73f5e659d381cd32627d1f354138032cdb03dd113b09521396a5f8934dc21f57', '2026-11-21 13:28:14.320429+00'),
	('kernel-http', '0001_idempotency', '79735a50b5e325bd4fcaef92009a73a630c839f4fbb994995d517259a51d2002', '2026-11-21 13:28:14.320429+00'),
	('search', '0001_search', 'df7a34cc3bfdc975792860f8d2d3a4639167c98f3330aed4518f8c486417ce14', '2026-11-21 13:28:14.320429+00'),
	('kernel-kafka', '0001_kafka', '1deece0e05eda95a79fd17b423d420b316c1e871861491d2e21c9dc9b021b3f9', '2026-11-21 13:28:14.320429+00');
INSERT INTO public.search_history VALUES
	('01a1fe4b-4da6-77ae-97f3-c29a45a7f216', 'harbour', 1, 22, '2026-11-21 13:28:33.643488+00');
SELECT pg_catalog.setval('public.events_seq_seq', 1, false);
ALTER TABLE ONLY public.changes
    ADD CONSTRAINT changes_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.documents
    ADD CONSTRAINT documents_pkey PRIMARY KEY (key);
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
ALTER TABLE ONLY public.search_history
    ADD CONSTRAINT search_history_pkey PRIMARY KEY (owner, query);
ALTER TABLE ONLY public.search_preferences
    ADD CONSTRAINT search_preferences_pkey PRIMARY KEY (owner);
ALTER TABLE ONLY public.snapshots
    ADD CONSTRAINT snapshots_pkey PRIMARY KEY (subject, subject_version);
CREATE UNIQUE INDEX documents_change ON public.documents USING btree (change);
CREATE INDEX documents_owner ON public.documents USING btree (owner);
CREATE INDEX events_owner ON public.events USING btree (owner, seq);
CREATE INDEX held_events_subject ON public.held_events USING btree (subscription, source, subject, seq);
CREATE INDEX idempotency_age ON public.idempotency USING btree (created_at);
CREATE INDEX jobs_due ON public.jobs USING btree (dead, run_at);
CREATE INDEX jobs_owner ON public.jobs USING btree (owner);
CREATE INDEX search_history_age ON public.search_history USING btree (searched_at);
CREATE INDEX search_history_recent ON public.search_history USING btree (owner, searched_at, query);
CREATE INDEX snapshots_owner ON public.snapshots USING btree (owner);
