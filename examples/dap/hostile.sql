-- On the way somebody changes one byte of the reports of client 53, and sends those of client 7 again.
UPDATE upload SET report = set_byte(report, 100, get_byte(report, 100) # 1) WHERE number = 53;
INSERT INTO upload SELECT * FROM upload WHERE number = 7;
