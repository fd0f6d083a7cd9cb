-- Few rows of each table, so that many statements can be tried.
DELETE FROM ANALYTICS.SALES.CUSTOMERS WHERE CUSTOMER_ID > 90;
DELETE FROM ANALYTICS.SALES.ORDERS WHERE ORDER_ID > 160;
DELETE FROM ANALYTICS.SALES.ORDER_ITEMS WHERE ORDER_ID > 60;
DELETE FROM ANALYTICS.SALES.PAYMENTS WHERE PAYMENT_ID > 160;
DELETE FROM ANALYTICS.SALES.EVENTS WHERE EVENT_ID > 80;
DELETE FROM ANALYTICS.REF.PRODUCTS WHERE PRODUCT_ID > 30;
-- Values within a VARIANT: of every shape that a path may meet.
UPDATE ANALYTICS.SALES.EVENTS SET PAYLOAD = CASE EVENT_ID % 8
  WHEN 0 THEN json_merge_patch(PAYLOAD, '{"who": "mary@mail1.example"}')
  WHEN 1 THEN json_merge_patch(PAYLOAD, '{"device": ["ios", "hidden"]}')
  WHEN 2 THEN json_merge_patch(PAYLOAD, '{"who": {"name": "hidden"}}')
  WHEN 3 THEN json_merge_patch(PAYLOAD, '{"device": {"os": ["hidden"]}}')
  WHEN 4 THEN '["hidden"]'::JSON
  WHEN 5 THEN '"hidden"'::JSON
  WHEN 6 THEN json_merge_patch(PAYLOAD, '{"who": 17000}')
  ELSE PAYLOAD END;
