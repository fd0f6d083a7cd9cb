-- Rows of approvals are never deleted: lists and numbers of them are found by an index, in their order, and not by reading all there ever were.
DROP INDEX approval_by_state;
CREATE INDEX approval_by_state ON approval (state, asked_at DESC, id DESC);
CREATE INDEX approval_by_time ON approval (asked_at DESC, id DESC);
