-- What was only explained has no end, and nothing of it was refused; earlier versions wrote one where it would have been.
DELETE FROM outcome o USING statement s WHERE s.id = o.id AND s.terms @> ARRAY['is:explain'];
