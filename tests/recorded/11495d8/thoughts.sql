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
CREATE TABLE public.snapshots (
    subject text NOT NULL,
    subject_version bigint NOT NULL,
    owner uuid,
    "time" timestamp with time zone NOT NULL,
    data jsonb NOT NULL
);
CREATE TABLE public.thought_tags (
    owner uuid NOT NULL,
    tag text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    thought_id uuid NOT NULL,
    direct boolean NOT NULL
);
CREATE TABLE public.thoughts (
    id uuid NOT NULL,
    owner uuid NOT NULL,
    text text NOT NULL,
    tags jsonb NOT NULL,
    version bigint NOT NULL,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL
);
INSERT INTO public.events OVERRIDING SYSTEM VALUE VALUES
	(1, '01a1fe4b-52a2-71b2-b60c-c20433c70f8b', 'thoughts.ThoughtCreated', 1, 'thought/01a1fe4b-52a0-75df-b3e9-4a827d05eadf', 1, '01a1fe4b-4da6-77ae-97f3-c29a45a7f216', '01a1fe4b-4da6-77ae-97f3-c29a45a7f216', '00-01a1fe4b529d79bea60b1196d27986ec-f6928958c0ac6c8b-00', '2026-11-21 13:28:31.648351+00', '{"tags": [], "text": "harbour kogge 0", "user_id": "01a1fe4b-4da6-77ae-97f3-c29a45a7f216", "created_at": "2026-11-21T13:28:31.648351Z", "thought_id": "01a1fe4b-52a0-75df-b3e9-4a827d05eadf"}'),
	(2, '01a1fe4b-52e0-7c20-9056-183e4ee0d8b3', 'thoughts.ThoughtCreated', 1, 'thought/01a1fe4b-52b0-7f68-b902-c94ffb259bb2', 1, '01a1fe4b-4da6-77ae-97f3-c29a45a7f216', '01a1fe4b-4da6-77ae-97f3-c29a45a7f216', '00-01a1fe4b52a6737cadf1d1cc58b5ea2b-a95a41352eaddf4c-00', '2026-11-21 13:28:31.664938+00', '{"tags": ["load/anchor"], "text": "harbour anchor 1", "user_id": "01a1fe4b-4da6-77ae-97f3-c29a45a7f216", "created_at": "2026-11-21T13:28:31.664938Z", "thought_id": "01a1fe4b-52b0-7f68-b902-c94ffb259bb2"}'),
	(3, '01a1fe4b-5303-7db6-9481-6929fbead9ef', 'thoughts.ThoughtCreated', 1, 'thought/01a1fe4b-52fc-7b70-a59f-fe4f3e330c64', 1, '01a1fe4b-4da6-77ae-97f3-c29a45a7f216', '01a1fe4b-4da6-77ae-97f3-c29a45a7f216', '00-01a1fe4b52f771b69f82e69a1da4cd6b-284318ed44d02b77-00', '2026-11-21 13:28:31.740701+00', '{"tags": ["load/amber"], "text": "harbour amber 2", "user_id": "01a1fe4b-4da6-77ae-97f3-c29a45a7f216", "created_at": "2026-11-21T13:28:31.740701Z", "thought_id": "01a1fe4b-52fc-7b70-a59f-fe4f3e330c64"}'),
	(4, '01a1fe4b-5350-79c6-9ef1-a8d056f857d4', 'thoughts.ThoughtUpdated', 1, 'thought/01a1fe4b-52b0-7f68-b902-c94ffb259bb2', 2, '01a1fe4b-4da6-77ae-97f3-c29a45a7f216', '01a1fe4b-4da6-77ae-97f3-c29a45a7f216', '00-01a1fe4b5307785681c6a1a9b0171b2a-0a55e66db2e2f319-00', '2026-11-21 13:28:31.81316+00', '{"tags": ["load/again"], "text": "harbour again 2", "user_id": "01a1fe4b-4da6-77ae-97f3-c29a45a7f216", "created_at": "2026-11-21T13:28:31.664938Z", "thought_id": "01a1fe4b-52b0-7f68-b902-c94ffb259bb2"}'),
	(5, '01a1fe4b-5360-76c4-a9bd-b76663c25f70', 'thoughts.ThoughtCreated', 1, 'thought/01a1fe4b-535b-7e97-ace8-d4861c1f9207', 1, '01a1fe4b-4da6-77ae-97f3-c29a45a7f216', '01a1fe4b-4da6-77ae-97f3-c29a45a7f216', '00-01a1fe4b535877e7822dced08f54da10-01d564dd1c0593c9-00', '2026-11-21 13:28:31.835902+00', '{"tags": [], "text": "harbour salt 3", "user_id": "01a1fe4b-4da6-77ae-97f3-c29a45a7f216", "created_at": "2026-11-21T13:28:31.835902Z", "thought_id": "01a1fe4b-535b-7e97-ace8-d4861c1f9207"}'),
	(6, '01a1fe4b-536d-7543-ac32-d9f7c1fecffd', 'thoughts.ThoughtCreated', 1, 'thought/01a1fe4b-536b-7d43-9dbd-231514725817', 1, '01a1fe4b-4da6-77ae-97f3-c29a45a7f216', '01a1fe4b-4da6-77ae-97f3-c29a45a7f216', '00-01a1fe4b536a7af9b1c9a3c469f9858b-61fa30ab048d291a-00', '2026-11-21 13:28:31.851821+00', '{"tags": ["load/herring"], "text": "harbour herring 4", "user_id": "01a1fe4b-4da6-77ae-97f3-c29a45a7f216", "created_at": "2026-11-21T13:28:31.851821Z", "thought_id": "01a1fe4b-536b-7d43-9dbd-231514725817"}'),
	(7, '01a1fe4b-5372-79db-92a6-9a58221dc3de', 'thoughts.ThoughtDeleted', 1, 'thought/01a1fe4b-52b0-7f68-b902-c94ffb259bb2', 3, '01a1fe4b-4da6-77ae-97f3-c29a45a7f216', '01a1fe4b-4da6-77ae-97f3-c29a45a7f216', '00-01a1fe4b536f7b78a986d3b9bfc6b5f3-c2618188da8b4cad-00', '2026-11-21 13:28:31.856607+00', '{"user_id": "01a1fe4b-4da6-77ae-97f3-c29a45a7f216", "created_at": "2026-11-21T13:28:31.664938Z", "thought_id": "01a1fe4b-52b0-7f68-b902-c94ffb259bb2"}'),
	(8, '01a1fe4b-5477-7560-abe7-68afa0713a69', 'thoughts.ThoughtCreated', 1, 'thought/01a1fe4b-53b5-7953-8906-4d47a83749d0', 1, '01a1fe4b-4da6-77ae-97f3-c29a45a7f216', '01a1fe4b-4da6-77ae-97f3-c29a45a7f216', '00-01a1fe4b53b47353b89182b67e92a412-9e02b18dff99e3a4-00', '2026-11-21 13:28:31.925573+00', '{"tags": ["load/furs"], "text": "harbour furs 5", "user_id": "01a1fe4b-4da6-77ae-97f3-c29a45a7f216", "created_at": "2026-11-21T13:28:31.925573Z", "thought_id": "01a1fe4b-53b5-7953-8906-4d47a83749d0"}'),
	(9, '01a1fe4b-5480-7337-a24a-457d0daf1968', 'thoughts.ThoughtCreated', 1, 'thought/01a1fe4b-547e-7d74-8828-693928932a4a', 1, '01a1fe4b-4da6-77ae-97f3-c29a45a7f216', '01a1fe4b-4da6-77ae-97f3-c29a45a7f216', '00-01a1fe4b547d7526833f7b56aebbb495-c7d9570142f6dfd6-00', '2026-11-21 13:28:32.126832+00', '{"tags": [], "text": "harbour wax 6", "user_id": "01a1fe4b-4da6-77ae-97f3-c29a45a7f216", "created_at": "2026-11-21T13:28:32.126832Z", "thought_id": "01a1fe4b-547e-7d74-8828-693928932a4a"}'),
	(10, '01a1fe4b-5487-768f-88b9-c59ef1946369', 'thoughts.ThoughtCreated', 1, 'thought/01a1fe4b-5486-7872-ab79-39bc399bba72', 1, '01a1fe4b-4da6-77ae-97f3-c29a45a7f216', '01a1fe4b-4da6-77ae-97f3-c29a45a7f216', '00-01a1fe4b548573db9eaa9cf6fac7b3eb-d552ebcbecfe5078-00', '2026-11-21 13:28:32.134519+00', '{"tags": ["load/rope"], "text": "harbour rope 7", "user_id": "01a1fe4b-4da6-77ae-97f3-c29a45a7f216", "created_at": "2026-11-21T13:28:32.134519Z", "thought_id": "01a1fe4b-5486-7872-ab79-39bc399bba72"}'),
	(11, '01a1fe4b-5491-7360-b7f3-d9b811977fbf', 'thoughts.ThoughtUpdated', 1, 'thought/01a1fe4b-536b-7d43-9dbd-231514725817', 2, '01a1fe4b-4da6-77ae-97f3-c29a45a7f216', '01a1fe4b-4da6-77ae-97f3-c29a45a7f216', '00-01a1fe4b548977b2a9301dbeb2c1d521-9b2b0f3a041aa7cf-00', '2026-11-21 13:28:32.138541+00', '{"tags": ["load/again"], "text": "harbour again 7", "user_id": "01a1fe4b-4da6-77ae-97f3-c29a45a7f216", "created_at": "2026-11-21T13:28:31.851821Z", "thought_id": "01a1fe4b-536b-7d43-9dbd-231514725817"}'),
	(12, '01a1fe4b-549b-74a7-8163-2658758591b4', 'thoughts.ThoughtCreated', 1, 'thought/01a1fe4b-5497-7378-a227-ce48a89ebf3e', 1, '01a1fe4b-4da6-77ae-97f3-c29a45a7f216', '01a1fe4b-4da6-77ae-97f3-c29a45a7f216', '00-01a1fe4b54957f169b3678c35c7c3550-4d0e40ab9d0305e0-00', '2026-11-21 13:28:32.151208+00', '{"tags": ["load/tar"], "text": "harbour tar 8", "user_id": "01a1fe4b-4da6-77ae-97f3-c29a45a7f216", "created_at": "2026-11-21T13:28:32.151208Z", "thought_id": "01a1fe4b-5497-7378-a227-ce48a89ebf3e"}'),
	(13, '01a1fe4b-54a0-7414-836b-5ca5dfb22460', 'thoughts.ThoughtCreated', 1, 'thought/01a1fe4b-549f-7839-a869-0655fcec6068', 1, '01a1fe4b-4da6-77ae-97f3-c29a45a7f216', '01a1fe4b-4da6-77ae-97f3-c29a45a7f216', '00-01a1fe4b549e71ceb8bd7ea4141d7a00-1fbd7dcb7381f664-00', '2026-11-21 13:28:32.159506+00', '{"tags": [], "text": "harbour grain 9", "user_id": "01a1fe4b-4da6-77ae-97f3-c29a45a7f216", "created_at": "2026-11-21T13:28:32.159506Z", "thought_id": "01a1fe4b-549f-7839-a869-0655fcec6068"}'),
	(14, '01a1fe4b-54a6-78fd-94a1-1c7851c51045', 'thoughts.ThoughtCreated', 1, 'thought/01a1fe4b-54a5-7462-a1a7-1055ccaa57ad', 1, '01a1fe4b-4da6-77ae-97f3-c29a45a7f216', '01a1fe4b-4da6-77ae-97f3-c29a45a7f216', '00-01a1fe4b54a4723987e8a12467ab9472-953f2bd3f653aa5f-00', '2026-11-21 13:28:32.165265+00', '{"tags": ["load/kogge"], "text": "harbour kogge 10", "user_id": "01a1fe4b-4da6-77ae-97f3-c29a45a7f216", "created_at": "2026-11-21T13:28:32.165265Z", "thought_id": "01a1fe4b-54a5-7462-a1a7-1055ccaa57ad"}'),
	(15, '01a1fe4b-54aa-7e1c-ac28-55bd6ed66e9c', 'thoughts.ThoughtCreated', 1, 'thought/01a1fe4b-54a9-7f26-bb09-5e09dad88cec', 1, '01a1fe4b-4da6-77ae-97f3-c29a45a7f216', '01a1fe4b-4da6-77ae-97f3-c29a45a7f216', '00-01a1fe4b54a87f5ca8c2d943e0b040aa-3942ea47b1d2d5d8-00', '2026-11-21 13:28:32.16994+00', '{"tags": ["load/anchor"], "text": "harbour anchor 11", "user_id": "01a1fe4b-4da6-77ae-97f3-c29a45a7f216", "created_at": "2026-11-21T13:28:32.16994Z", "thought_id": "01a1fe4b-54a9-7f26-bb09-5e09dad88cec"}'),
	(16, '01a1fe4b-54b0-763d-9c62-998fbbbf13f6', 'thoughts.ThoughtDeleted', 1, 'thought/01a1fe4b-536b-7d43-9dbd-231514725817', 3, '01a1fe4b-4da6-77ae-97f3-c29a45a7f216', '01a1fe4b-4da6-77ae-97f3-c29a45a7f216', '00-01a1fe4b54ac7d8d8d0272d590e2eee3-5931db4c36facd80-00', '2026-11-21 13:28:32.173798+00', '{"user_id": "01a1fe4b-4da6-77ae-97f3-c29a45a7f216", "created_at": "2026-11-21T13:28:31.851821Z", "thought_id": "01a1fe4b-536b-7d43-9dbd-231514725817"}'),
	(17, '01a1fe4b-54b6-71b2-937e-b373aff37b35', 'thoughts.ThoughtCreated', 1, 'thought/01a1fe4b-54b5-752b-bd6e-f4d4a52798cc', 1, '01a1fe4b-4da6-77ae-97f3-c29a45a7f216', '01a1fe4b-4da6-77ae-97f3-c29a45a7f216', '00-01a1fe4b54b377c684154f5cf06eae67-4650be6e95708341-00', '2026-11-21 13:28:32.181312+00', '{"tags": [], "text": "harbour amber 12", "user_id": "01a1fe4b-4da6-77ae-97f3-c29a45a7f216", "created_at": "2026-11-21T13:28:32.181312Z", "thought_id": "01a1fe4b-54b5-752b-bd6e-f4d4a52798cc"}'),
	(18, '01a1fe4b-54bf-7256-86d6-ef16e17b24ec', 'thoughts.ThoughtUpdated', 1, 'thought/01a1fe4b-5497-7378-a227-ce48a89ebf3e', 2, '01a1fe4b-4da6-77ae-97f3-c29a45a7f216', '01a1fe4b-4da6-77ae-97f3-c29a45a7f216', '00-01a1fe4b54b87cf1ac7ae73873585f18-a248d31cfb2f47db-00', '2026-11-21 13:28:32.185916+00', '{"tags": ["load/again"], "text": "harbour again 12", "user_id": "01a1fe4b-4da6-77ae-97f3-c29a45a7f216", "created_at": "2026-11-21T13:28:32.151208Z", "thought_id": "01a1fe4b-5497-7378-a227-ce48a89ebf3e"}'),
	(19, '01a1fe4b-54c5-7c87-91ba-d35f74324e9f', 'thoughts.ThoughtCreated', 1, 'thought/01a1fe4b-54c3-7ebc-aad8-cd21560fbb7b', 1, '01a1fe4b-4da6-77ae-97f3-c29a45a7f216', '01a1fe4b-4da6-77ae-97f3-c29a45a7f216', '00-01a1fe4b54c271ca98e042e9051ab789-c719eeadf48414f5-00', '2026-11-21 13:28:32.195912+00', '{"tags": ["load/salt"], "text": "harbour salt 13", "user_id": "01a1fe4b-4da6-77ae-97f3-c29a45a7f216", "created_at": "2026-11-21T13:28:32.195912Z", "thought_id": "01a1fe4b-54c3-7ebc-aad8-cd21560fbb7b"}'),
	(24, '01a1fe4b-54e5-7ed0-b02a-5954936e0542', 'thoughts.ThoughtUpdated', 1, 'thought/01a1fe4b-54a5-7462-a1a7-1055ccaa57ad', 2, '01a1fe4b-4da6-77ae-97f3-c29a45a7f216', '01a1fe4b-4da6-77ae-97f3-c29a45a7f216', '00-01a1fe4b54df7c04a665e8d097afce50-2a8e3998046f6f77-00', '2026-11-21 13:28:32.225+00', '{"tags": ["load/again"], "text": "harbour again 17", "user_id": "01a1fe4b-4da6-77ae-97f3-c29a45a7f216", "created_at": "2026-11-21T13:28:32.165265Z", "thought_id": "01a1fe4b-54a5-7462-a1a7-1055ccaa57ad"}'),
	(29, '01a1fe4b-5515-706a-995d-45cdc800e829', 'thoughts.ThoughtCreated', 1, 'thought/01a1fe4b-5513-7fba-b0bf-cefea1feb79c', 1, '01a1fe4b-4da6-77ae-97f3-c29a45a7f216', '01a1fe4b-4da6-77ae-97f3-c29a45a7f216', '00-01a1fe4b5512791abcca177374a28e6e-d059a67001f3243c-00', '2026-11-21 13:28:32.275974+00', '{"tags": [], "text": "harbour anchor 21", "user_id": "01a1fe4b-4da6-77ae-97f3-c29a45a7f216", "created_at": "2026-11-21T13:28:32.275974Z", "thought_id": "01a1fe4b-5513-7fba-b0bf-cefea1feb79c"}'),
	(20, '01a1fe4b-54ca-771a-bdbf-7ae098c7af03', 'thoughts.ThoughtCreated', 1, 'thought/01a1fe4b-54c9-798d-aed3-7ce5960133c1', 1, '01a1fe4b-4da6-77ae-97f3-c29a45a7f216', '01a1fe4b-4da6-77ae-97f3-c29a45a7f216', '00-01a1fe4b54c877b2900c841033d04d7a-397dbd335e0ad014-00', '2026-11-21 13:28:32.201589+00', '{"tags": ["load/herring"], "text": "harbour herring 14", "user_id": "01a1fe4b-4da6-77ae-97f3-c29a45a7f216", "created_at": "2026-11-21T13:28:32.201589Z", "thought_id": "01a1fe4b-54c9-798d-aed3-7ce5960133c1"}'),
	(25, '01a1fe4b-54ec-709b-9e9c-1ddd81debcf9', 'thoughts.ThoughtCreated', 1, 'thought/01a1fe4b-54eb-784d-aa5d-a20bfd41c316', 1, '01a1fe4b-4da6-77ae-97f3-c29a45a7f216', '01a1fe4b-4da6-77ae-97f3-c29a45a7f216', '00-01a1fe4b54ea7072bb546a30abd15332-5018a2740c5cd7fd-00', '2026-11-21 13:28:32.23551+00', '{"tags": [], "text": "harbour tar 18", "user_id": "01a1fe4b-4da6-77ae-97f3-c29a45a7f216", "created_at": "2026-11-21T13:28:32.23551Z", "thought_id": "01a1fe4b-54eb-784d-aa5d-a20bfd41c316"}'),
	(30, '01a1fe4b-5519-750e-8e02-5e500d547db5', 'thoughts.ThoughtCreated', 1, 'thought/01a1fe4b-5518-767e-a4d8-8b5d0c8c7198', 1, '01a1fe4b-4da6-77ae-97f3-c29a45a7f216', '01a1fe4b-4da6-77ae-97f3-c29a45a7f216', '00-01a1fe4b551776c0bfc825580588d790-90933d680de1d9f8-00', '2026-11-21 13:28:32.280399+00', '{"tags": ["load/amber"], "text": "harbour amber 22", "user_id": "01a1fe4b-4da6-77ae-97f3-c29a45a7f216", "created_at": "2026-11-21T13:28:32.280399Z", "thought_id": "01a1fe4b-5518-767e-a4d8-8b5d0c8c7198"}'),
	(21, '01a1fe4b-54ce-79ce-bf6d-7b610d162e86', 'thoughts.ThoughtCreated', 1, 'thought/01a1fe4b-54cd-7774-bf04-53c7272ea9d7', 1, '01a1fe4b-4da6-77ae-97f3-c29a45a7f216', '01a1fe4b-4da6-77ae-97f3-c29a45a7f216', '00-01a1fe4b54cc78acba827aef5a9f2ffa-5a41e1634f7065fe-00', '2026-11-21 13:28:32.20546+00', '{"tags": [], "text": "harbour furs 15", "user_id": "01a1fe4b-4da6-77ae-97f3-c29a45a7f216", "created_at": "2026-11-21T13:28:32.20546Z", "thought_id": "01a1fe4b-54cd-7774-bf04-53c7272ea9d7"}'),
	(26, '01a1fe4b-54f0-79a9-8184-577c0685d5e5', 'thoughts.ThoughtDeleted', 1, 'thought/01a1fe4b-5497-7378-a227-ce48a89ebf3e', 3, '01a1fe4b-4da6-77ae-97f3-c29a45a7f216', '01a1fe4b-4da6-77ae-97f3-c29a45a7f216', '00-01a1fe4b54ee71a18d3ec075a5c9bd47-260fd902d4b614d4-00', '2026-11-21 13:28:32.239009+00', '{"user_id": "01a1fe4b-4da6-77ae-97f3-c29a45a7f216", "created_at": "2026-11-21T13:28:32.151208Z", "thought_id": "01a1fe4b-5497-7378-a227-ce48a89ebf3e"}'),
	(31, '01a1fe4b-551f-7e8b-a6ad-98ed60352f39', 'thoughts.ThoughtUpdated', 1, 'thought/01a1fe4b-54c9-798d-aed3-7ce5960133c1', 2, '01a1fe4b-4da6-77ae-97f3-c29a45a7f216', '01a1fe4b-4da6-77ae-97f3-c29a45a7f216', '00-01a1fe4b551b748bad44eed6b7f7aaaa-53e2acfc69c08de5-00', '2026-11-21 13:28:32.284475+00', '{"tags": ["load/again"], "text": "harbour again 22", "user_id": "01a1fe4b-4da6-77ae-97f3-c29a45a7f216", "created_at": "2026-11-21T13:28:32.201589Z", "thought_id": "01a1fe4b-54c9-798d-aed3-7ce5960133c1"}'),
	(22, '01a1fe4b-54d5-71df-9cb4-25e3c9b67bd8', 'thoughts.ThoughtCreated', 1, 'thought/01a1fe4b-54d2-787e-a8d0-7dec0a0d42e1', 1, '01a1fe4b-4da6-77ae-97f3-c29a45a7f216', '01a1fe4b-4da6-77ae-97f3-c29a45a7f216', '00-01a1fe4b54d177baab0172af1d9be5ef-20a9fb370c648c73-00', '2026-11-21 13:28:32.210496+00', '{"tags": ["load/wax"], "text": "harbour wax 16", "user_id": "01a1fe4b-4da6-77ae-97f3-c29a45a7f216", "created_at": "2026-11-21T13:28:32.210496Z", "thought_id": "01a1fe4b-54d2-787e-a8d0-7dec0a0d42e1"}'),
	(27, '01a1fe4b-54ff-7f5c-98ca-ddf77c064c0e', 'thoughts.ThoughtCreated', 1, 'thought/01a1fe4b-54f6-7c08-8ee0-41d95f90812c', 1, '01a1fe4b-4da6-77ae-97f3-c29a45a7f216', '01a1fe4b-4da6-77ae-97f3-c29a45a7f216', '00-01a1fe4b54f37ba99e7b24160860fe28-84328ed3b6b13ee3-00', '2026-11-21 13:28:32.246743+00', '{"tags": ["load/grain"], "text": "harbour grain 19", "user_id": "01a1fe4b-4da6-77ae-97f3-c29a45a7f216", "created_at": "2026-11-21T13:28:32.246743Z", "thought_id": "01a1fe4b-54f6-7c08-8ee0-41d95f90812c"}'),
	(32, '01a1fe4b-5525-723d-b824-52b23bc7e902', 'thoughts.ThoughtCreated', 1, 'thought/01a1fe4b-5523-7dc6-90f7-69436281c454', 1, '01a1fe4b-4da6-77ae-97f3-c29a45a7f216', '01a1fe4b-4da6-77ae-97f3-c29a45a7f216', '00-01a1fe4b55227897ba359940780e312a-8c17bc64457a1a7e-00', '2026-11-21 13:28:32.291853+00', '{"tags": ["load/salt"], "text": "harbour salt 23", "user_id": "01a1fe4b-4da6-77ae-97f3-c29a45a7f216", "created_at": "2026-11-21T13:28:32.291853Z", "thought_id": "01a1fe4b-5523-7dc6-90f7-69436281c454"}'),
	(23, '01a1fe4b-54dc-7e2d-a35d-5087492debd0', 'thoughts.ThoughtCreated', 1, 'thought/01a1fe4b-54da-7400-b96d-9236a33da522', 1, '01a1fe4b-4da6-77ae-97f3-c29a45a7f216', '01a1fe4b-4da6-77ae-97f3-c29a45a7f216', '00-01a1fe4b54d87fc6848e506044ed3e67-0f096077901106fa-00', '2026-11-21 13:28:32.218242+00', '{"tags": ["load/rope"], "text": "harbour rope 17", "user_id": "01a1fe4b-4da6-77ae-97f3-c29a45a7f216", "created_at": "2026-11-21T13:28:32.218242Z", "thought_id": "01a1fe4b-54da-7400-b96d-9236a33da522"}'),
	(28, '01a1fe4b-550c-77a5-88ab-0b35e86d9d0e', 'thoughts.ThoughtCreated', 1, 'thought/01a1fe4b-5505-78e5-bb1b-7f72b56c512f', 1, '01a1fe4b-4da6-77ae-97f3-c29a45a7f216', '01a1fe4b-4da6-77ae-97f3-c29a45a7f216', '00-01a1fe4b550472f1b98e44be8c4b97fb-eaff91968e0f51d9-00', '2026-11-21 13:28:32.261502+00', '{"tags": ["load/kogge"], "text": "harbour kogge 20", "user_id": "01a1fe4b-4da6-77ae-97f3-c29a45a7f216", "created_at": "2026-11-21T13:28:32.261502Z", "thought_id": "01a1fe4b-5505-78e5-bb1b-7f72b56c512f"}'),
	(33, '01a1fe4b-5529-7d9d-9d11-5c72cd88d410', 'thoughts.ThoughtCreated', 1, 'thought/01a1fe4b-5528-79fb-9db5-d45974c55051', 1, '01a1fe4b-4da6-77ae-97f3-c29a45a7f216', '01a1fe4b-4da6-77ae-97f3-c29a45a7f216', '00-01a1fe4b5527785eacfb955b12d7e669-39b2296fdaaa9ff7-00', '2026-11-21 13:28:32.296617+00', '{"tags": ["load/last"], "text": "harbour at last", "user_id": "01a1fe4b-4da6-77ae-97f3-c29a45a7f216", "created_at": "2026-11-21T13:28:32.296617Z", "thought_id": "01a1fe4b-5528-79fb-9db5-d45974c55051"}');
INSERT INTO public.jobs VALUES
	('01a1fe4b-0e28-7c04-bdc4-69aaadfd5416', 'kernel.housekeeping', '', 'null', NULL, '2026-11-21 14:28:15.942089+00', NULL, 0, NULL, NULL, false, NULL, '2026-11-21 13:28:14.104329+00');
INSERT INTO public.kafka_relay VALUES
	('thoughts', 33, 1, '01a1fe4b-1254-7608-84c7-e839462c76af', '2026-11-21 13:28:44.710352+00');
INSERT INTO public.positions VALUES
	('erasure', 'identity/1', 4, '2026-11-21 13:28:31.695647+00'),
	('erasure', 'identity/2', 4, '2026-11-21 13:28:31.710484+00'),
	('erasure', 'identity/0', 4, '2026-11-21 13:28:31.712377+00');
INSERT INTO public.schema_migrations VALUES
	('kernel-events', '0001_events', 'c5c13453d6234ef0e28fe7f146ba6fe4e439843ca15db08e07b10e904b0f0e36', '2026-11-21 13:28:13.595489+00'),
	('kernel-jobs', '0001_jobs', '73f5e659d381cd32627d1f354138032cdb03dd113b09521396a5f8934dc21f57', '2026-11-21 13:28:13.595489+00'),
	('kernel-http', '0001_idempotency', '79735a50b5e325bd4fcaef92009a73a630c839f4fbb994995d517259a51d2002', '2026-11-21 13:28:13.595489+00'),
	('thoughts', '0001_thoughts', '344616bdaa424a332396e940c507beb56573bfbd9e7eabc98b10e4ae99e0df94', '2026-11-21 13:28:13.595489+00'),
	('kernel-kafka', '0001_kafka', '1deece0e05eda95a79fd17b423d420b316c1e871861491d2e21c9dc9b021b3f9', '2026-11-21 13:28:13.595489+00');
INSERT INTO public.thought_tags VALUES
	('01a1fe4b-4da6-77ae-97f3-c29a45a7f216', 'load', '2026-11-21 13:28:31.740701+00', '01a1fe4b-52fc-7b70-a59f-fe4f3e330c64', false),
	('01a1fe4b-4da6-77ae-97f3-c29a45a7f216', 'load/amber', '2026-11-21 13:28:31.740701+00', '01a1fe4b-52fc-7b70-a59f-fe4f3e330c64', true),
	('01a1fe4b-4da6-77ae-97f3-c29a45a7f216', 'load', '2026-11-21 13:28:31.925573+00', '01a1fe4b-53b5-7953-8906-4d47a83749d0', false),
	('01a1fe4b-4da6-77ae-97f3-c29a45a7f216', 'load/furs', '2026-11-21 13:28:31.925573+00', '01a1fe4b-53b5-7953-8906-4d47a83749d0', true),
	('01a1fe4b-4da6-77ae-97f3-c29a45a7f216', 'load', '2026-11-21 13:28:32.134519+00', '01a1fe4b-5486-7872-ab79-39bc399bba72', false),
	('01a1fe4b-4da6-77ae-97f3-c29a45a7f216', 'load/rope', '2026-11-21 13:28:32.134519+00', '01a1fe4b-5486-7872-ab79-39bc399bba72', true),
	('01a1fe4b-4da6-77ae-97f3-c29a45a7f216', 'load', '2026-11-21 13:28:32.16994+00', '01a1fe4b-54a9-7f26-bb09-5e09dad88cec', false),
	('01a1fe4b-4da6-77ae-97f3-c29a45a7f216', 'load/anchor', '2026-11-21 13:28:32.16994+00', '01a1fe4b-54a9-7f26-bb09-5e09dad88cec', true),
	('01a1fe4b-4da6-77ae-97f3-c29a45a7f216', 'load', '2026-11-21 13:28:32.195912+00', '01a1fe4b-54c3-7ebc-aad8-cd21560fbb7b', false),
	('01a1fe4b-4da6-77ae-97f3-c29a45a7f216', 'load/salt', '2026-11-21 13:28:32.195912+00', '01a1fe4b-54c3-7ebc-aad8-cd21560fbb7b', true),
	('01a1fe4b-4da6-77ae-97f3-c29a45a7f216', 'load', '2026-11-21 13:28:32.210496+00', '01a1fe4b-54d2-787e-a8d0-7dec0a0d42e1', false),
	('01a1fe4b-4da6-77ae-97f3-c29a45a7f216', 'load/wax', '2026-11-21 13:28:32.210496+00', '01a1fe4b-54d2-787e-a8d0-7dec0a0d42e1', true),
	('01a1fe4b-4da6-77ae-97f3-c29a45a7f216', 'load', '2026-11-21 13:28:32.218242+00', '01a1fe4b-54da-7400-b96d-9236a33da522', false),
	('01a1fe4b-4da6-77ae-97f3-c29a45a7f216', 'load/rope', '2026-11-21 13:28:32.218242+00', '01a1fe4b-54da-7400-b96d-9236a33da522', true),
	('01a1fe4b-4da6-77ae-97f3-c29a45a7f216', 'load', '2026-11-21 13:28:32.165265+00', '01a1fe4b-54a5-7462-a1a7-1055ccaa57ad', false),
	('01a1fe4b-4da6-77ae-97f3-c29a45a7f216', 'load/again', '2026-11-21 13:28:32.165265+00', '01a1fe4b-54a5-7462-a1a7-1055ccaa57ad', true),
	('01a1fe4b-4da6-77ae-97f3-c29a45a7f216', 'load', '2026-11-21 13:28:32.246743+00', '01a1fe4b-54f6-7c08-8ee0-41d95f90812c', false),
	('01a1fe4b-4da6-77ae-97f3-c29a45a7f216', 'load/grain', '2026-11-21 13:28:32.246743+00', '01a1fe4b-54f6-7c08-8ee0-41d95f90812c', true),
	('01a1fe4b-4da6-77ae-97f3-c29a45a7f216', 'load', '2026-11-21 13:28:32.261502+00', '01a1fe4b-5505-78e5-bb1b-7f72b56c512f', false),
	('01a1fe4b-4da6-77ae-97f3-c29a45a7f216', 'load/kogge', '2026-11-21 13:28:32.261502+00', '01a1fe4b-5505-78e5-bb1b-7f72b56c512f', true),
	('01a1fe4b-4da6-77ae-97f3-c29a45a7f216', 'load', '2026-11-21 13:28:32.280399+00', '01a1fe4b-5518-767e-a4d8-8b5d0c8c7198', false),
	('01a1fe4b-4da6-77ae-97f3-c29a45a7f216', 'load/amber', '2026-11-21 13:28:32.280399+00', '01a1fe4b-5518-767e-a4d8-8b5d0c8c7198', true),
	('01a1fe4b-4da6-77ae-97f3-c29a45a7f216', 'load', '2026-11-21 13:28:32.201589+00', '01a1fe4b-54c9-798d-aed3-7ce5960133c1', false),
	('01a1fe4b-4da6-77ae-97f3-c29a45a7f216', 'load/again', '2026-11-21 13:28:32.201589+00', '01a1fe4b-54c9-798d-aed3-7ce5960133c1', true),
	('01a1fe4b-4da6-77ae-97f3-c29a45a7f216', 'load', '2026-11-21 13:28:32.291853+00', '01a1fe4b-5523-7dc6-90f7-69436281c454', false),
	('01a1fe4b-4da6-77ae-97f3-c29a45a7f216', 'load/salt', '2026-11-21 13:28:32.291853+00', '01a1fe4b-5523-7dc6-90f7-69436281c454', true),
	('01a1fe4b-4da6-77ae-97f3-c29a45a7f216', 'load', '2026-11-21 13:28:32.296617+00', '01a1fe4b-5528-79fb-9db5-d45974c55051', false),
	('01a1fe4b-4da6-77ae-97f3-c29a45a7f216', 'load/last', '2026-11-21 13:28:32.296617+00', '01a1fe4b-5528-79fb-9db5-d45974c55051', true);
INSERT INTO public.thoughts VALUES
	('01a1fe4b-52a0-75df-b3e9-4a827d05eadf', '01a1fe4b-4da6-77ae-97f3-c29a45a7f216', 'harbour kogge 0', '[]', 1, '2026-11-21 13:28:31.648351+00', '2026-11-21 13:28:31.648351+00'),
	('01a1fe4b-52fc-7b70-a59f-fe4f3e330c64', '01a1fe4b-4da6-77ae-97f3-c29a45a7f216', 'harbour amber 2', '["load/amber"]', 1, '2026-11-21 13:28:31.740701+00', '2026-11-21 13:28:31.740701+00'),
	('01a1fe4b-535b-7e97-ace8-d4861c1f9207', '01a1fe4b-4da6-77ae-97f3-c29a45a7f216', 'harbour salt 3', '[]', 1, '2026-11-21 13:28:31.835902+00', '2026-11-21 13:28:31.835902+00'),
	('01a1fe4b-53b5-7953-8906-4d47a83749d0', '01a1fe4b-4da6-77ae-97f3-c29a45a7f216', 'harbour furs 5', '["load/furs"]', 1, '2026-11-21 13:28:31.925573+00', '2026-11-21 13:28:31.925573+00'),
	('01a1fe4b-547e-7d74-8828-693928932a4a', '01a1fe4b-4da6-77ae-97f3-c29a45a7f216', 'harbour wax 6', '[]', 1, '2026-11-21 13:28:32.126832+00', '2026-11-21 13:28:32.126832+00'),
	('01a1fe4b-5486-7872-ab79-39bc399bba72', '01a1fe4b-4da6-77ae-97f3-c29a45a7f216', 'harbour rope 7', '["load/rope"]', 1, '2026-11-21 13:28:32.134519+00', '2026-11-21 13:28:32.134519+00'),
	('01a1fe4b-549f-7839-a869-0655fcec6068', '01a1fe4b-4da6-77ae-97f3-c29a45a7f216', 'harbour grain 9', '[]', 1, '2026-11-21 13:28:32.159506+00', '2026-11-21 13:28:32.159506+00'),
	('01a1fe4b-54a9-7f26-bb09-5e09dad88cec', '01a1fe4b-4da6-77ae-97f3-c29a45a7f216', 'harbour anchor 11', '["load/anchor"]', 1, '2026-11-21 13:28:32.16994+00', '2026-11-21 13:28:32.16994+00'),
	('01a1fe4b-54b5-752b-bd6e-f4d4a52798cc', '01a1fe4b-4da6-77ae-97f3-c29a45a7f216', 'harbour amber 12', '[]', 1, '2026-11-21 13:28:32.181312+00', '2026-11-21 13:28:32.181312+00'),
	('01a1fe4b-54c3-7ebc-aad8-cd21560fbb7b', '01a1fe4b-4da6-77ae-97f3-c29a45a7f216', 'harbour salt 13', '["load/salt"]', 1, '2026-11-21 13:28:32.195912+00', '2026-11-21 13:28:32.195912+00'),
	('01a1fe4b-54cd-7774-bf04-53c7272ea9d7', '01a1fe4b-4da6-77ae-97f3-c29a45a7f216', 'harbour furs 15', '[]', 1, '2026-11-21 13:28:32.20546+00', '2026-11-21 13:28:32.20546+00'),
	('01a1fe4b-54d2-787e-a8d0-7dec0a0d42e1', '01a1fe4b-4da6-77ae-97f3-c29a45a7f216', 'harbour wax 16', '["load/wax"]', 1, '2026-11-21 13:28:32.210496+00', '2026-11-21 13:28:32.210496+00'),
	('01a1fe4b-54da-7400-b96d-9236a33da522', '01a1fe4b-4da6-77ae-97f3-c29a45a7f216', 'harbour rope 17', '["load/rope"]', 1, '2026-11-21 13:28:32.218242+00', '2026-11-21 13:28:32.218242+00'),
	('01a1fe4b-54a5-7462-a1a7-1055ccaa57ad', '01a1fe4b-4da6-77ae-97f3-c29a45a7f216', 'harbour again 17', '["load/again"]', 2, '2026-11-21 13:28:32.165265+00', '2026-11-21 13:28:32.225+00'),
	('01a1fe4b-54eb-784d-aa5d-a20bfd41c316', '01a1fe4b-4da6-77ae-97f3-c29a45a7f216', 'harbour tar 18', '[]', 1, '2026-11-21 13:28:32.23551+00', '2026-11-21 13:28:32.23551+00'),
	('01a1fe4b-54f6-7c08-8ee0-41d95f90812c', '01a1fe4b-4da6-77ae-97f3-c29a45a7f216', 'harbour grain 19', '["load/grain"]', 1, '2026-11-21 13:28:32.246743+00', '2026-11-21 13:28:32.246743+00'),
	('01a1fe4b-5505-78e5-bb1b-7f72b56c512f', '01a1fe4b-4da6-77ae-97f3-c29a45a7f216', 'harbour kogge 20', '["load/kogge"]', 1, '2026-11-21 13:28:32.261502+00', '2026-11-21 13:28:32.261502+00'),
	('01a1fe4b-5513-7fba-b0bf-cefea1feb79c', '01a1fe4b-4da6-77ae-97f3-c29a45a7f216', 'harbour anchor 21', '[]', 1, '2026-11-21 13:28:32.275974+00', '2026-11-21 13:28:32.275974+00'),
	('01a1fe4b-5518-767e-a4d8-8b5d0c8c7198', '01a1fe4b-4da6-77ae-97f3-c29a45a7f216', 'harbour amber 22', '["load/amber"]', 1, '2026-11-21 13:28:32.280399+00', '2026-11-21 13:28:32.280399+00'),
	('01a1fe4b-54c9-798d-aed3-7ce5960133c1', '01a1fe4b-4da6-77ae-97f3-c29a45a7f216', 'harbour again 22', '["load/again"]', 2, '2026-11-21 13:28:32.201589+00', '2026-11-21 13:28:32.284475+00'),
	('01a1fe4b-5523-7dc6-90f7-69436281c454', '01a1fe4b-4da6-77ae-97f3-c29a45a7f216', 'harbour salt 23', '["load/salt"]', 1, '2026-11-21 13:28:32.291853+00', '2026-11-21 13:28:32.291853+00'),
	('01a1fe4b-5528-79fb-9db5-d45974c55051', '01a1fe4b-4da6-77ae-97f3-c29a45a7f216', 'harbour at last', '["load/last"]', 1, '2026-11-21 13:28:32.296617+00', '2026-11-21 13:28:32.296617+00');
SELECT pg_catalog.setval('public.events_seq_seq', 33, true);
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
ALTER TABLE ONLY public.snapshots
    ADD CONSTRAINT snapshots_pkey PRIMARY KEY (subject, subject_version);
ALTER TABLE ONLY public.thought_tags
    ADD CONSTRAINT thought_tags_pkey PRIMARY KEY (owner, tag, created_at, thought_id);
ALTER TABLE ONLY public.thoughts
    ADD CONSTRAINT thoughts_pkey PRIMARY KEY (id);
CREATE INDEX events_owner ON public.events USING btree (owner, seq);
CREATE INDEX held_events_subject ON public.held_events USING btree (subscription, source, subject, seq);
CREATE INDEX idempotency_age ON public.idempotency USING btree (created_at);
CREATE INDEX jobs_due ON public.jobs USING btree (dead, run_at);
CREATE INDEX jobs_owner ON public.jobs USING btree (owner);
CREATE INDEX snapshots_owner ON public.snapshots USING btree (owner);
CREATE INDEX thought_tags_thought ON public.thought_tags USING btree (thought_id);
CREATE INDEX thoughts_newest ON public.thoughts USING btree (owner, created_at, id);
