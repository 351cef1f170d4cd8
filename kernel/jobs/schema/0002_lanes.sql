-- Each kind of job is looked for by itself: a hundred thousand of one kind do not hide the others.
CREATE INDEX jobs_kind ON jobs (kind, dead, run_at);
