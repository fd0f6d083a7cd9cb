-- What is over is listed by when it came to be so: in that order by an index.
CREATE INDEX approval_by_change ON approval (state, changed_at DESC, id DESC);
