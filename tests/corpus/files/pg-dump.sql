--
-- PostgreSQL database dump
--

COPY public.names (name, age) FROM stdin;
Ann	1
\.
