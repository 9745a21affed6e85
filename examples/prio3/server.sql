CREATE SERVER commute FOREIGN DATA WRAPPER prio
	OPTIONS (role :'role', vdaf 'Prio3Histogram', length '5', context '636f6d6d757465');
CREATE SERVER minutes FOREIGN DATA WRAPPER prio
	OPTIONS (role :'role', vdaf 'Prio3Sum', max_measurement '180', context '6d696e75746573');
