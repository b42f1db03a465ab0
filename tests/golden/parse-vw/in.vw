1 |creative red |user age:0.5 returning:0 city:paris
-1 2 0.25 'visit-2 |creative:2 blue size:-1.5e-1|user :3 :4
0 visit-3|creative red
2.5 | spent
 |creative red
-1|creative red
1:0.2:0.4 3 4 | morning
3:-1:0.25 'shown | evening

yes |creative red
1 |creative red:
1 2 3 4 |creative red
1 1e7 |creative red
1 |creative red:1e7
1:2 | no probability
1:2:0 | none
shared | of what
1
