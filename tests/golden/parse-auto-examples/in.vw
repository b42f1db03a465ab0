1 |creative red |user age:0.5 returning:0 city:paris
-1 2 0.25 'visit-2 |creative:2 blue size:-1.5e-1|user :3 :4
