CREATE SERVER used FOREIGN DATA WRAPPER prio
	OPTIONS (role :'role', vdaf 'Prio3Count', dap '09', task_id 'qSQ9i5ye9YDk4QGNZniGXOQSVoa2dy7OBwZBgahhx3c',
		time_precision '3600', public_key :'public_key', hpke_config_id :'hpke_config_id');
CREATE SERVER minutes FOREIGN DATA WRAPPER prio
	OPTIONS (role :'role', vdaf 'Prio3Sum', bits '8', dap '09', task_id 'wlMN6c1VNguH9apJxGikWDzC5O1wVyYev5TIRyX2XHs',
		time_precision '3600', public_key :'public_key', hpke_config_id :'hpke_config_id');
CREATE SERVER ratings FOREIGN DATA WRAPPER prio
	OPTIONS (role :'role', vdaf 'Prio3SumVec', length '3', bits '4', chunk_length '3', dap '09', task_id 'Oo3caFrzs9yYW7kU43WvsfBB0kctj4Wqab3uI62x26Q',
		time_precision '3600', public_key :'public_key', hpke_config_id :'hpke_config_id');
CREATE SERVER device FOREIGN DATA WRAPPER prio
	OPTIONS (role :'role', vdaf 'Prio3Histogram', length '5', chunk_length '2', dap '09', task_id 'UJHcgtqpVgzWj9g3iBC0cSYYlpP80H_QOS446ze5eng',
		time_precision '3600', public_key :'public_key', hpke_config_id :'hpke_config_id');
