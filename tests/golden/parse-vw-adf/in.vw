shared 'visit-1 |user age:2 new
'red |creative red
0:-1:0.5 'blue |creative blue size:3
'green |creative green

|creative red
0:0.3:0.2 |creative blue

shared |user new
|creative red
|creative blue


shared |user new
1:0:0.5 |creative red
2:0:0.5 |creative blue

|creative red
shared |user new

shared |user new

1 |creative red

|creative red:x
|creative blue:1x

|creative red
2:-0.5:0.25 |creative blue
