-- An index by owner alone would be written to in as many places as there are owners at work, for every
-- event. This one is written to at its end only; an erasure looks once into every stretch of 512.
DROP INDEX events_owner;
CREATE INDEX events_owner_in_stretch ON events ((seq / 512), owner);
