-- An HpkeConfigList with one configuration: id, X25519 with HKDF-SHA256, HKDF-SHA256, AES-128-GCM, public key.
SELECT '0029' || lpad(to_hex((option->>'hpke_config_id')::int), 2, '0') || '0020000100010020' || (option->>'public_key')
FROM (SELECT json_object_agg(option_name, option_value) AS option
	FROM pg_foreign_server, pg_options_to_table(srvoptions) WHERE srvname = 'used') AS s;
