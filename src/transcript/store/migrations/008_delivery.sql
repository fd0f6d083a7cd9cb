-- Webhooks: how far each session has come with each of them. Jobs themselves are the queue's (schema pgboss).
CREATE TABLE webhook (
  name  text PRIMARY KEY,
  -- Sessions that were over before are not delivered.
  since timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE delivery (
  webhook       text NOT NULL,
  session_id    uuid NOT NULL,
  -- The next event that is to be delivered.
  position      bigint NOT NULL DEFAULT 0,
  attempts      integer NOT NULL DEFAULT 0,
  failing_since timestamptz,
  problem       text,
  delivered_at  timestamptz,
  PRIMARY KEY (webhook, session_id)
);
CREATE INDEX delivery_failing ON delivery (webhook, failing_since) WHERE failing_since IS NOT NULL;

-- Given up after a day; snowfence webhooks retry sends them once more.
CREATE TABLE dead_letter (
  webhook    text NOT NULL,
  session_id uuid NOT NULL,
  position   bigint NOT NULL,
  given_up_at timestamptz NOT NULL DEFAULT now(),
  problem    text NOT NULL,
  PRIMARY KEY (webhook, session_id, position)
);
