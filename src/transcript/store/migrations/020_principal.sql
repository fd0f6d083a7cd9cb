-- A reviewer is an issuer's: groups of one never count for another's, and who decides goes by all names of theirs, so that somebody who is
-- known at two issuers is one person.
ALTER TABLE approval_decision ADD COLUMN issuer text NOT NULL, ADD COLUMN persons text[] NOT NULL;

DROP INDEX approval_by_subject;
CREATE INDEX approval_by_subject ON approval (issuer, subject, asked_at DESC);

-- On everything of a principal; of all issuers' who bear the name where none is named, as those of earlier versions.
ALTER TABLE hold ADD COLUMN issuer text, ADD CHECK (issuer IS NULL OR subject IS NOT NULL);
