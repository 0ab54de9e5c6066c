-- MySQL dump 10.13  Distrib 8.0.36, for Linux (x86_64)
--
-- Host: localhost    Database: shop
INSERT INTO `names` VALUES ('Ann',1);
