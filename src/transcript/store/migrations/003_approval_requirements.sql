-- A statement may need several groups' word: each requirement is {"groups": […], "count": n, "rule": "file:line"}.
ALTER TABLE approval ADD COLUMN requirements jsonb;
UPDATE approval SET requirements = jsonb_build_array(jsonb_build_object('groups', to_jsonb(reviewer_groups), 'count', needed, 'rule', rule));
ALTER TABLE approval ALTER COLUMN requirements SET NOT NULL;
ALTER TABLE approval DROP COLUMN reviewer_groups, DROP COLUMN needed, DROP COLUMN rule;

-- The groups that the reviewer was in when deciding.
ALTER TABLE approval_decision ADD COLUMN groups text[] NOT NULL DEFAULT '{}';
