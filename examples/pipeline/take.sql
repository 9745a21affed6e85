-- A share whose id or whose packet is there already is left out.
INSERT INTO share SELECT id, payload FROM arrived ON CONFLICT DO NOTHING;
