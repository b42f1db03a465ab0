shared 'visit-1 |user age:2 new
'red |creative red
0:-1:0.5 'blue |creative blue size:3
'green |creative green

|creative red
0:0.3:0.2 |creative blue

