-- The key of a row of nobody's must not keep one of ours out: whoever may INSERT there could take a reviewer's place in an approval, or
-- that of the standing approval which comes of it. An HMAC is known to nobody before its row is there, so what has it in its key is free.
-- That a person has one word and an approval one standing approval is what the signed events say, under the approval's lock.
ALTER TABLE approval_decision DROP CONSTRAINT approval_decision_pkey, ADD PRIMARY KEY (approval_id, reviewer, mac);
ALTER TABLE standing_approval DROP CONSTRAINT standing_approval_approval_id_key;
CREATE INDEX standing_of_approval ON standing_approval (approval_id);
