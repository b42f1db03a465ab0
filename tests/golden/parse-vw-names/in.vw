1 |creative_id red |slot_id top
0 |creative_id blue |slot_id top
