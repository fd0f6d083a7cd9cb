-- The second warehouse: only what the policy hides is other. What a partial mask keeps (the e-mail's domain, the last four characters
-- of the telephone number) stays, as does NULL or not NULL; lengths, order, equality and everything else about the hidden part changes.
UPDATE ANALYTICS.SALES.CUSTOMERS SET
  EMAIL = repeat('z', 1 + (CUSTOMER_ID * 13 % 7)) || chr((97 + (CUSTOMER_ID * 5) % 26)::INTEGER) || '@' || split_part(EMAIL, '@', 2),
  PHONE = repeat('9', 1 + CUSTOMER_ID % 5) || '/' || right(PHONE, 4),
  SSN = CASE WHEN CUSTOMER_ID % 4 = 0 THEN 'same for all' ELSE (CUSTOMER_ID * 7)::VARCHAR END,
  BIRTH_DATE = DATE '1999-12-31' - ((CUSTOMER_ID * 37) % 900)::INTEGER,
  NOTES = CASE WHEN NOTES LIKE 'call back%' THEN 'call back on 212-555-' || lpad((CUSTOMER_ID * 3)::VARCHAR, 4, '0') || ' or write to someone.else' || CUSTOMER_ID || '@elsewhere.example' ELSE NOTES END;
-- Rows outside of the EU are hidden whole: every column changes.
UPDATE ANALYTICS.SALES.CUSTOMERS SET
  CUSTOMER_ID = CUSTOMER_ID + 7, NAME = 'not a number', EMAIL = 'no address', PHONE = '', COUNTRY_CODE = 'DE', REGION = 'XX', SEGMENT = 'smb',
  CREATED_AT = TIMESTAMP '1970-01-01 00:00:00', NOTES = NULL
  WHERE REGION <> 'EU';
UPDATE ANALYTICS.SALES.PAYMENTS SET CARD_NUMBER = '4000' || PAYMENT_ID;
UPDATE ANALYTICS.HR.PAYROLL SET NAME = 'other ' || EMPLOYEE_ID, SALARY = SALARY * 3, IBAN = 'X';
UPDATE ANALYTICS.SALES.EVENTS SET PAYLOAD = CASE EVENT_ID % 8
  WHEN 0 THEN json_merge_patch(PAYLOAD, '{"who": "mm"}')
  WHEN 1 THEN json_merge_patch(PAYLOAD, '{"device": ["x", {"other": 1}]}')
  WHEN 2 THEN json_merge_patch(PAYLOAD, '{"who": {"name": "' || EVENT_ID || '"}}')
  WHEN 3 THEN json_merge_patch(PAYLOAD, '{"device": {"os": ["x", "y", ' || EVENT_ID || ']}}')
  WHEN 4 THEN '[1, 2]'::JSON
  WHEN 5 THEN '99'::JSON
  WHEN 6 THEN json_merge_patch(PAYLOAD, '{"who": 11}')
  ELSE json_merge_patch(PAYLOAD, '{"device": {"os": "' || left(PAYLOAD -> 'device' ->> 'os', 1) || repeat('q', EVENT_ID % 5) || 'xx"}}') END;
UPDATE ANALYTICS.SALES.LEADS SET
  EMAIL = repeat('z', 1 + (LEAD_ID * 13 % 7)) || chr((97 + (LEAD_ID * 5) % 26)::INTEGER) || '@' || split_part(EMAIL, '@', 2),
  PHONE = repeat('9', 1 + LEAD_ID % 5) || '/' || right(PHONE, 4),
  SSN = CASE WHEN LEAD_ID % 4 = 0 THEN 'same for all' ELSE (LEAD_ID * 7)::VARCHAR END,
  SCORE = (LEAD_ID * 53 + 11) % 97;
UPDATE ANALYTICS.SALES.CREDITS SET CEILING = 10 + (CREDIT_ID * 29 + 7) % 90, SSN = CASE WHEN CREDIT_ID % 4 = 0 THEN 'same for all' ELSE (CREDIT_ID * 7)::VARCHAR END;
