-- wrk: POST 1 KiB of JSON.
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = '{"name":"denicorn","list":[1,2,3,4,5,6,7,8],"text":"' .. string.rep("x", 970) .. '"}'
