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
CREATE TABLE public.activity (
    owner uuid NOT NULL,
    id uuid NOT NULL,
    at timestamp with time zone NOT NULL,
    type text NOT NULL,
    subject text NOT NULL
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
CREATE TABLE public.hours (
    owner uuid NOT NULL,
    hour bigint NOT NULL,
    written bigint NOT NULL,
    living bigint NOT NULL,
    words bigint NOT NULL,
    characters bigint NOT NULL,
    edits bigint NOT NULL,
    deletions bigint NOT NULL,
    sign_ins bigint NOT NULL,
    registrations bigint NOT NULL,
    departures bigint NOT NULL,
    events bigint NOT NULL
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
CREATE TABLE public.snapshots (
    subject text NOT NULL,
    subject_version bigint NOT NULL,
    owner uuid,
    "time" timestamp with time zone NOT NULL,
    data jsonb NOT NULL
);
CREATE TABLE public.tag_counts (
    owner uuid NOT NULL,
    tag text NOT NULL,
    thoughts bigint NOT NULL
);
CREATE TABLE public.thoughts (
    owner uuid NOT NULL,
    thought uuid NOT NULL,
    hour bigint NOT NULL,
    words bigint NOT NULL,
    characters bigint NOT NULL,
    tags jsonb NOT NULL
);
INSERT INTO public.activity VALUES
	('01a1fe4b-4da6-77ae-97f3-c29a45a7f216', '01a1fe4b-4dac-72e1-b4aa-aa79b8b30865', '2026-11-21 13:28:30.373031+00', 'identity.UserRegistered', 'user/01a1fe4b-4da6-77ae-97f3-c29a45a7f216'),
	('01a1fe4b-4da6-77ae-97f3-c29a45a7f216', '01a1fe4b-4db1-724d-b386-a49802831193', '2026-11-21 13:28:30.373031+00', 'identity.SessionStarted', 'user/01a1fe4b-4da6-77ae-97f3-c29a45a7f216'),
	('01a1fe4b-5164-7ba1-81f4-a47b3f379ed9', '01a1fe4b-521d-7991-85f1-8c9a12123887', '2026-11-21 13:28:31.233955+00', 'identity.UserRegistered', 'user/01a1fe4b-5164-7ba1-81f4-a47b3f379ed9'),
	('01a1fe4b-5164-7ba1-81f4-a47b3f379ed9', '01a1fe4b-5298-7e28-9a61-277ada27ec80', '2026-11-21 13:28:31.233955+00', 'identity.SessionStarted', 'user/01a1fe4b-5164-7ba1-81f4-a47b3f379ed9'),
	('01a1fe4b-4da6-77ae-97f3-c29a45a7f216', '01a1fe4b-52a2-71b2-b60c-c20433c70f8b', '2026-11-21 13:28:31.648351+00', 'thoughts.ThoughtCreated', 'thought/01a1fe4b-52a0-75df-b3e9-4a827d05eadf'),
	('01a1fe4b-4da6-77ae-97f3-c29a45a7f216', '01a1fe4b-52e0-7c20-9056-183e4ee0d8b3', '2026-11-21 13:28:31.664938+00', 'thoughts.ThoughtCreated', 'thought/01a1fe4b-52b0-7f68-b902-c94ffb259bb2'),
	('01a1fe4b-4da6-77ae-97f3-c29a45a7f216', '01a1fe4b-5303-7db6-9481-6929fbead9ef', '2026-11-21 13:28:31.740701+00', 'thoughts.ThoughtCreated', 'thought/01a1fe4b-52fc-7b70-a59f-fe4f3e330c64'),
	('01a1fe4b-4da6-77ae-97f3-c29a45a7f216', '01a1fe4b-5350-79c6-9ef1-a8d056f857d4', '2026-11-21 13:28:31.81316+00', 'thoughts.ThoughtUpdated', 'thought/01a1fe4b-52b0-7f68-b902-c94ffb259bb2'),
	('01a1fe4b-4da6-77ae-97f3-c29a45a7f216', '01a1fe4b-5372-79db-92a6-9a58221dc3de', '2026-11-21 13:28:31.856607+00', 'thoughts.ThoughtDeleted', 'thought/01a1fe4b-52b0-7f68-b902-c94ffb259bb2'),
	('01a1fe4b-4da6-77ae-97f3-c29a45a7f216', '01a1fe4b-5487-768f-88b9-c59ef1946369', '2026-11-21 13:28:32.134519+00', 'thoughts.ThoughtCreated', 'thought/01a1fe4b-5486-7872-ab79-39bc399bba72'),
	('01a1fe4b-4da6-77ae-97f3-c29a45a7f216', '01a1fe4b-54dc-7e2d-a35d-5087492debd0', '2026-11-21 13:28:32.218242+00', 'thoughts.ThoughtCreated', 'thought/01a1fe4b-54da-7400-b96d-9236a33da522'),
	('01a1fe4b-4da6-77ae-97f3-c29a45a7f216', '01a1fe4b-54ec-709b-9e9c-1ddd81debcf9', '2026-11-21 13:28:32.23551+00', 'thoughts.ThoughtCreated', 'thought/01a1fe4b-54eb-784d-aa5d-a20bfd41c316'),
	('01a1fe4b-4da6-77ae-97f3-c29a45a7f216', '01a1fe4b-5519-750e-8e02-5e500d547db5', '2026-11-21 13:28:32.280399+00', 'thoughts.ThoughtCreated', 'thought/01a1fe4b-5518-767e-a4d8-8b5d0c8c7198'),
	('01a1fe4b-4da6-77ae-97f3-c29a45a7f216', '01a1fe4b-5525-723d-b824-52b23bc7e902', '2026-11-21 13:28:32.291853+00', 'thoughts.ThoughtCreated', 'thought/01a1fe4b-5523-7dc6-90f7-69436281c454'),
	('01a1fe4b-4da6-77ae-97f3-c29a45a7f216', '01a1fe4b-536d-7543-ac32-d9f7c1fecffd', '2026-11-21 13:28:31.851821+00', 'thoughts.ThoughtCreated', 'thought/01a1fe4b-536b-7d43-9dbd-231514725817'),
	('01a1fe4b-4da6-77ae-97f3-c29a45a7f216', '01a1fe4b-5480-7337-a24a-457d0daf1968', '2026-11-21 13:28:32.126832+00', 'thoughts.ThoughtCreated', 'thought/01a1fe4b-547e-7d74-8828-693928932a4a'),
	('01a1fe4b-4da6-77ae-97f3-c29a45a7f216', '01a1fe4b-5491-7360-b7f3-d9b811977fbf', '2026-11-21 13:28:32.138541+00', 'thoughts.ThoughtUpdated', 'thought/01a1fe4b-536b-7d43-9dbd-231514725817'),
	('01a1fe4b-4da6-77ae-97f3-c29a45a7f216', '01a1fe4b-54a0-7414-836b-5ca5dfb22460', '2026-11-21 13:28:32.159506+00', 'thoughts.ThoughtCreated', 'thought/01a1fe4b-549f-7839-a869-0655fcec6068'),
	('01a1fe4b-4da6-77ae-97f3-c29a45a7f216', '01a1fe4b-54a6-78fd-94a1-1c7851c51045', '2026-11-21 13:28:32.165265+00', 'thoughts.ThoughtCreated', 'thought/01a1fe4b-54a5-7462-a1a7-1055ccaa57ad'),
	('01a1fe4b-4da6-77ae-97f3-c29a45a7f216', '01a1fe4b-54aa-7e1c-ac28-55bd6ed66e9c', '2026-11-21 13:28:32.16994+00', 'thoughts.ThoughtCreated', 'thought/01a1fe4b-54a9-7f26-bb09-5e09dad88cec'),
	('01a1fe4b-4da6-77ae-97f3-c29a45a7f216', '01a1fe4b-54b0-763d-9c62-998fbbbf13f6', '2026-11-21 13:28:32.173798+00', 'thoughts.ThoughtDeleted', 'thought/01a1fe4b-536b-7d43-9dbd-231514725817'),
	('01a1fe4b-4da6-77ae-97f3-c29a45a7f216', '01a1fe4b-54c5-7c87-91ba-d35f74324e9f', '2026-11-21 13:28:32.195912+00', 'thoughts.ThoughtCreated', 'thought/01a1fe4b-54c3-7ebc-aad8-cd21560fbb7b'),
	('01a1fe4b-4da6-77ae-97f3-c29a45a7f216', '01a1fe4b-54ce-79ce-bf6d-7b610d162e86', '2026-11-21 13:28:32.20546+00', 'thoughts.ThoughtCreated', 'thought/01a1fe4b-54cd-7774-bf04-53c7272ea9d7'),
	('01a1fe4b-4da6-77ae-97f3-c29a45a7f216', '01a1fe4b-54d5-71df-9cb4-25e3c9b67bd8', '2026-11-21 13:28:32.210496+00', 'thoughts.ThoughtCreated', 'thought/01a1fe4b-54d2-787e-a8d0-7dec0a0d42e1'),
	('01a1fe4b-4da6-77ae-97f3-c29a45a7f216', '01a1fe4b-54e5-7ed0-b02a-5954936e0542', '2026-11-21 13:28:32.225+00', 'thoughts.ThoughtUpdated', 'thought/01a1fe4b-54a5-7462-a1a7-1055ccaa57ad'),
	('01a1fe4b-4da6-77ae-97f3-c29a45a7f216', '01a1fe4b-54ff-7f5c-98ca-ddf77c064c0e', '2026-11-21 13:28:32.246743+00', 'thoughts.ThoughtCreated', 'thought/01a1fe4b-54f6-7c08-8ee0-41d95f90812c'),
	('01a1fe4b-4da6-77ae-97f3-c29a45a7f216', '01a1fe4b-550c-77a5-88ab-0b35e86d9d0e', '2026-11-21 13:28:32.261502+00', 'thoughts.ThoughtCreated', 'thought/01a1fe4b-5505-78e5-bb1b-7f72b56c512f'),
	('01a1fe4b-4da6-77ae-97f3-c29a45a7f216', '01a1fe4b-5360-76c4-a9bd-b76663c25f70', '2026-11-21 13:28:31.835902+00', 'thoughts.ThoughtCreated', 'thought/01a1fe4b-535b-7e97-ace8-d4861c1f9207'),
	('01a1fe4b-4da6-77ae-97f3-c29a45a7f216', '01a1fe4b-5477-7560-abe7-68afa0713a69', '2026-11-21 13:28:31.925573+00', 'thoughts.ThoughtCreated', 'thought/01a1fe4b-53b5-7953-8906-4d47a83749d0'),
	('01a1fe4b-4da6-77ae-97f3-c29a45a7f216', '01a1fe4b-549b-74a7-8163-2658758591b4', '2026-11-21 13:28:32.151208+00', 'thoughts.ThoughtCreated', 'thought/01a1fe4b-5497-7378-a227-ce48a89ebf3e'),
	('01a1fe4b-4da6-77ae-97f3-c29a45a7f216', '01a1fe4b-54b6-71b2-937e-b373aff37b35', '2026-11-21 13:28:32.181312+00', 'thoughts.ThoughtCreated', 'thought/01a1fe4b-54b5-752b-bd6e-f4d4a52798cc'),
	('01a1fe4b-4da6-77ae-97f3-c29a45a7f216', '01a1fe4b-54bf-7256-86d6-ef16e17b24ec', '2026-11-21 13:28:32.185916+00', 'thoughts.ThoughtUpdated', 'thought/01a1fe4b-5497-7378-a227-ce48a89ebf3e'),
	('01a1fe4b-4da6-77ae-97f3-c29a45a7f216', '01a1fe4b-54ca-771a-bdbf-7ae098c7af03', '2026-11-21 13:28:32.201589+00', 'thoughts.ThoughtCreated', 'thought/01a1fe4b-54c9-798d-aed3-7ce5960133c1'),
	('01a1fe4b-4da6-77ae-97f3-c29a45a7f216', '01a1fe4b-54f0-79a9-8184-577c0685d5e5', '2026-11-21 13:28:32.239009+00', 'thoughts.ThoughtDeleted', 'thought/01a1fe4b-5497-7378-a227-ce48a89ebf3e'),
	('01a1fe4b-4da6-77ae-97f3-c29a45a7f216', '01a1fe4b-5515-706a-995d-45cdc800e829', '2026-11-21 13:28:32.275974+00', 'thoughts.ThoughtCreated', 'thought/01a1fe4b-5513-7fba-b0bf-cefea1feb79c'),
	('01a1fe4b-4da6-77ae-97f3-c29a45a7f216', '01a1fe4b-551f-7e8b-a6ad-98ed60352f39', '2026-11-21 13:28:32.284475+00', 'thoughts.ThoughtUpdated', 'thought/01a1fe4b-54c9-798d-aed3-7ce5960133c1'),
	('01a1fe4b-4da6-77ae-97f3-c29a45a7f216', '01a1fe4b-5529-7d9d-9d11-5c72cd88d410', '2026-11-21 13:28:32.296617+00', 'thoughts.ThoughtCreated', 'thought/01a1fe4b-5528-79fb-9db5-d45974c55051');
INSERT INTO public.hours VALUES
	('01a1fe4b-5164-7ba1-81f4-a47b3f379ed9', 498685, 0, 0, 0, 0, 0, 0, 1, 1, 0, 2),
	('00000000-0000-0000-0000-000000000000', 498685, 25, 22, 66, 333, 5, 3, 2, 2, 0, 37),
	('01a1fe4b-4da6-77ae-97f3-c29a45a7f216', 498685, 25, 22, 66, 333, 5, 3, 1, 1, 0, 35);
INSERT INTO public.jobs VALUES
	('01a1fe4b-1adc-7293-ad18-817875e91e79', 'kernel.housekeeping', '', 'null', NULL, '2026-11-21 14:28:19.078816+00', NULL, 0, NULL, NULL, false, NULL, '2026-11-21 13:28:17.372144+00'),
	('01a1fe4b-1a8a-78d0-b204-58382a6b791e', 'purge_activity', 'daily', 'null', NULL, '2026-11-22 13:28:19.082344+00', NULL, 0, NULL, NULL, false, NULL, '2026-11-21 13:28:17.290532+00');
INSERT INTO public.kafka_relay VALUES
	('analytics', 0, 1, '01a1fe4b-1b79-78bc-8bad-5a7db748ff32', '2026-11-21 13:28:47.564719+00');
INSERT INTO public.positions VALUES
	('erasure', 'identity/0', 4, '2026-11-21 13:28:31.727021+00'),
	('counters', 'identity/1', 4, '2026-11-21 13:28:31.702504+00'),
	('erasure', 'identity/2', 4, '2026-11-21 13:28:31.752019+00'),
	('counters', 'identity/2', 4, '2026-11-21 13:28:31.754257+00'),
	('counters', 'identity/0', 4, '2026-11-21 13:28:31.782376+00'),
	('erasure', 'identity/1', 4, '2026-11-21 13:28:31.797561+00'),
	('counters', 'thoughts/0', 33, '2026-11-21 13:28:32.442642+00'),
	('counters', 'thoughts/1', 33, '2026-11-21 13:28:32.448589+00'),
	('counters', 'thoughts/2', 33, '2026-11-21 13:28:32.447254+00');
INSERT INTO public.schema_migrations VALUES
	('kernel-events', '0001_events', 'c5c13453d6234ef0e28fe7f146ba6fe4e439843ca15db08e07b10e904b0f0e36', '2026-11-21 13:28:16.492564+00'),
	('kernel-jobs', '0001_jobs', '73f5e659d381cd32627d1f354138032cdb03dd113b09521396a5f8934dc21f57', '2026-11-21 13:28:16.492564+00'),
	('kernel-http', '0001_idempotency', '79735a50b5e325bd4fcaef92009a73a630c839f4fbb994995d517259a51d2002', '2026-11-21 13:28:16.492564+00'),
	('analytics', '0001_analytics', 'fe99bc0a7f3fc8d991f92071cf654a6340228d38e882639109b91e474de2f113', '2026-11-21 13:28:16.492564+00'),
	('kernel-kafka', '0001_kafka', '1deece0e05eda95a79fd17b423d420b316c1e871861491d2e21c9dc9b021b3f9', '2026-11-21 13:28:16.492564+00');
INSERT INTO public.tag_counts VALUES
	('01a1fe4b-4da6-77ae-97f3-c29a45a7f216', 'load/rope', 2),
	('01a1fe4b-4da6-77ae-97f3-c29a45a7f216', 'load/amber', 2),
	('01a1fe4b-4da6-77ae-97f3-c29a45a7f216', 'load/anchor', 1),
	('01a1fe4b-4da6-77ae-97f3-c29a45a7f216', 'load/salt', 2),
	('01a1fe4b-4da6-77ae-97f3-c29a45a7f216', 'load/wax', 1),
	('01a1fe4b-4da6-77ae-97f3-c29a45a7f216', 'load/grain', 1),
	('01a1fe4b-4da6-77ae-97f3-c29a45a7f216', 'load/kogge', 1),
	('01a1fe4b-4da6-77ae-97f3-c29a45a7f216', 'load/furs', 1),
	('01a1fe4b-4da6-77ae-97f3-c29a45a7f216', 'load/again', 2),
	('01a1fe4b-4da6-77ae-97f3-c29a45a7f216', 'load/last', 1);
INSERT INTO public.thoughts VALUES
	('01a1fe4b-4da6-77ae-97f3-c29a45a7f216', '01a1fe4b-52a0-75df-b3e9-4a827d05eadf', 498685, 3, 15, '[]'),
	('01a1fe4b-4da6-77ae-97f3-c29a45a7f216', '01a1fe4b-52fc-7b70-a59f-fe4f3e330c64', 498685, 3, 15, '["load/amber"]'),
	('01a1fe4b-4da6-77ae-97f3-c29a45a7f216', '01a1fe4b-5486-7872-ab79-39bc399bba72', 498685, 3, 14, '["load/rope"]'),
	('01a1fe4b-4da6-77ae-97f3-c29a45a7f216', '01a1fe4b-54da-7400-b96d-9236a33da522', 498685, 3, 15, '["load/rope"]'),
	('01a1fe4b-4da6-77ae-97f3-c29a45a7f216', '01a1fe4b-54eb-784d-aa5d-a20bfd41c316', 498685, 3, 14, '[]'),
	('01a1fe4b-4da6-77ae-97f3-c29a45a7f216', '01a1fe4b-5518-767e-a4d8-8b5d0c8c7198', 498685, 3, 16, '["load/amber"]'),
	('01a1fe4b-4da6-77ae-97f3-c29a45a7f216', '01a1fe4b-5523-7dc6-90f7-69436281c454', 498685, 3, 15, '["load/salt"]'),
	('01a1fe4b-4da6-77ae-97f3-c29a45a7f216', '01a1fe4b-547e-7d74-8828-693928932a4a', 498685, 3, 13, '[]'),
	('01a1fe4b-4da6-77ae-97f3-c29a45a7f216', '01a1fe4b-535b-7e97-ace8-d4861c1f9207', 498685, 3, 14, '[]'),
	('01a1fe4b-4da6-77ae-97f3-c29a45a7f216', '01a1fe4b-549f-7839-a869-0655fcec6068', 498685, 3, 15, '[]'),
	('01a1fe4b-4da6-77ae-97f3-c29a45a7f216', '01a1fe4b-54a9-7f26-bb09-5e09dad88cec', 498685, 3, 17, '["load/anchor"]'),
	('01a1fe4b-4da6-77ae-97f3-c29a45a7f216', '01a1fe4b-54c3-7ebc-aad8-cd21560fbb7b', 498685, 3, 15, '["load/salt"]'),
	('01a1fe4b-4da6-77ae-97f3-c29a45a7f216', '01a1fe4b-54cd-7774-bf04-53c7272ea9d7', 498685, 3, 15, '[]'),
	('01a1fe4b-4da6-77ae-97f3-c29a45a7f216', '01a1fe4b-54d2-787e-a8d0-7dec0a0d42e1', 498685, 3, 14, '["load/wax"]'),
	('01a1fe4b-4da6-77ae-97f3-c29a45a7f216', '01a1fe4b-54a5-7462-a1a7-1055ccaa57ad', 498685, 3, 16, '["load/again"]'),
	('01a1fe4b-4da6-77ae-97f3-c29a45a7f216', '01a1fe4b-54f6-7c08-8ee0-41d95f90812c', 498685, 3, 16, '["load/grain"]'),
	('01a1fe4b-4da6-77ae-97f3-c29a45a7f216', '01a1fe4b-5505-78e5-bb1b-7f72b56c512f', 498685, 3, 16, '["load/kogge"]'),
	('01a1fe4b-4da6-77ae-97f3-c29a45a7f216', '01a1fe4b-53b5-7953-8906-4d47a83749d0', 498685, 3, 14, '["load/furs"]'),
	('01a1fe4b-4da6-77ae-97f3-c29a45a7f216', '01a1fe4b-54b5-752b-bd6e-f4d4a52798cc', 498685, 3, 16, '[]'),
	('01a1fe4b-4da6-77ae-97f3-c29a45a7f216', '01a1fe4b-5513-7fba-b0bf-cefea1feb79c', 498685, 3, 17, '[]'),
	('01a1fe4b-4da6-77ae-97f3-c29a45a7f216', '01a1fe4b-54c9-798d-aed3-7ce5960133c1', 498685, 3, 16, '["load/again"]'),
	('01a1fe4b-4da6-77ae-97f3-c29a45a7f216', '01a1fe4b-5528-79fb-9db5-d45974c55051', 498685, 3, 15, '["load/last"]');
SELECT pg_catalog.setval('public.events_seq_seq', 1, false);
ALTER TABLE ONLY public.activity
    ADD CONSTRAINT activity_pkey PRIMARY KEY (owner, id);
ALTER TABLE ONLY public.erased_owners
    ADD CONSTRAINT erased_owners_pkey PRIMARY KEY (owner);
ALTER TABLE ONLY public.events
    ADD CONSTRAINT events_pkey PRIMARY KEY (seq);
ALTER TABLE ONLY public.events
    ADD CONSTRAINT events_subject_subject_version_key UNIQUE (subject, subject_version);
ALTER TABLE ONLY public.held_events
    ADD CONSTRAINT held_events_pkey PRIMARY KEY (subscription, source, seq);
ALTER TABLE ONLY public.hours
    ADD CONSTRAINT hours_pkey PRIMARY KEY (owner, hour);
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
ALTER TABLE ONLY public.snapshots
    ADD CONSTRAINT snapshots_pkey PRIMARY KEY (subject, subject_version);
ALTER TABLE ONLY public.tag_counts
    ADD CONSTRAINT tag_counts_pkey PRIMARY KEY (owner, tag);
ALTER TABLE ONLY public.thoughts
    ADD CONSTRAINT thoughts_pkey PRIMARY KEY (owner, thought);
CREATE INDEX activity_at ON public.activity USING btree (at);
CREATE INDEX events_owner ON public.events USING btree (owner, seq);
CREATE INDEX held_events_subject ON public.held_events USING btree (subscription, source, subject, seq);
CREATE INDEX hours_hour ON public.hours USING btree (hour, owner);
CREATE INDEX idempotency_age ON public.idempotency USING btree (created_at);
CREATE INDEX jobs_due ON public.jobs USING btree (dead, run_at);
CREATE INDEX jobs_owner ON public.jobs USING btree (owner);
CREATE INDEX snapshots_owner ON public.snapshots USING btree (owner);
