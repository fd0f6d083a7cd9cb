-- Tables to change besides those of the acceptance tests: one with masks on columns and all of its rows in sight, one without anything hidden.
CREATE TABLE ANALYTICS.SALES.LEADS (LEAD_ID INTEGER, CUSTOMER_ID INTEGER, NAME VARCHAR, EMAIL VARCHAR, PHONE VARCHAR, SSN VARCHAR, SCORE INTEGER, REGION VARCHAR, CREATED_AT TIMESTAMP);
INSERT INTO ANALYTICS.SALES.LEADS
  SELECT i, 1 + (i * 31) % 80, 'Lead ' || i, 'canary' || i || '@mail' || (i % 4) || '.example', '+1-555-' || lpad((i * 7919 % 10000)::VARCHAR, 4, '0') || '-canary',
         'canary-' || i, (i * 37) % 100, CASE i % 3 WHEN 0 THEN 'EU' WHEN 1 THEN 'US' ELSE 'APAC' END, TIMESTAMP '2023-01-01 00:00:00' + to_hours((i * 17)::INTEGER)
  FROM range(1, 41) t(i);
CREATE TABLE ANALYTICS.SALES.NOTEPAD (ID INTEGER, LABEL VARCHAR, AMOUNT DECIMAL(12,2), WRITTEN_AT TIMESTAMP);
INSERT INTO ANALYTICS.SALES.NOTEPAD SELECT i, 'note ' || i, (i * 1.5)::DECIMAL(12,2), TIMESTAMP '2024-01-01 00:00:00' + to_hours(i::INTEGER) FROM range(1, 31) t(i);
-- One whose virtual columns are made of a hidden column, and whose CHECK compares a hidden one with one that is written.
CREATE TABLE ANALYTICS.SALES.CREDITS (CREDIT_ID INTEGER, CUSTOMER_ID INTEGER, LABEL VARCHAR, AMOUNT INTEGER, CEILING INTEGER, SSN VARCHAR, SSN_KEY VARCHAR AS (lower(SSN)), KEY_TWICE VARCHAR AS (SSN_KEY || '/' || SSN_KEY), CHECK (AMOUNT <= CEILING));
INSERT INTO ANALYTICS.SALES.CREDITS (CREDIT_ID, CUSTOMER_ID, LABEL, AMOUNT, CEILING, SSN)
  SELECT i, 1 + (i * 17) % 80, 'Credit ' || i, i % 10, 10 + (i * 13) % 90, 'CANARY-' || i FROM range(1, 31) t(i);
-- One whose virtual column is under `hash`, and made of what everybody may write.
CREATE TABLE ANALYTICS.SALES.TAGS (ID INTEGER, RAW VARCHAR, TAG VARCHAR AS (lower(RAW)));
INSERT INTO ANALYTICS.SALES.TAGS (ID, RAW) SELECT i, 'Tag ' || i FROM range(1, 6) t(i);
-- A view that shows what everybody may write under a name that is hashed.
CREATE VIEW ANALYTICS.SALES.LABELS AS SELECT ID, lower(LABEL) AS TAG FROM ANALYTICS.SALES.NOTEPAD;
